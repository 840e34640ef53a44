"""What is taken out of a body, and how what is wrong with it is named."""

from typing import Any

import pytest

from shared.errors import (
    Empty,
    InvalidInput,
    MissingField,
    NotOneOf,
    TooMany,
    TooShort,
    TooSmall,
    Unsupported,
    WrongType,
)
from shared.http import fields as payload


def wrong(kind: type[InvalidInput], function: Any, *arguments: Any) -> Any:
    """The error of exactly that kind which the call raises."""
    with pytest.raises(InvalidInput) as raised:
        function(*arguments)
    assert type(raised.value) is kind
    return raised.value


def test_one_set_of_fields_must_be_there_in_full() -> None:
    payload.require({"a": 1, "b": 2, "c": 3}, ["a", "b"])
    payload.require({"c": 1}, ["a", "b"], ["c"])
    assert wrong(MissingField, payload.require, {"a": 1}, ["a", "b"]).missing == ["b"]
    error = wrong(MissingField, payload.require, {"x": 1}, ["a"], ["b"])
    assert error.alternatives == (["a"], ["b"])
    assert error.hint == 'did you mean "a"? got "x"'


def test_parameters_are_options_and_the_root_wins() -> None:
    body = {"inputs": "a", "top_k": 1, "parameters": {"top_k": 2, "truncate": True}}
    assert payload.options(body) == {**body, "truncate": True}
    assert payload.options({"inputs": "a"}) == {"inputs": "a"}
    assert payload.options({"parameters": None}) == {"parameters": None}
    error = wrong(WrongType, payload.options, {"parameters": []})
    assert (error.path, error.expected, error.actual) == ("/parameters", ["object"], "array")


@pytest.mark.parametrize("field", ["queueRequest", "requests", "request_id"])
def test_a_queue_is_refused_in_each_of_its_forms(field: str) -> None:
    error = wrong(Unsupported, payload.not_queued, {field: 1}, {})
    assert error.path == f"/{field}"
    assert str(error) == "No batches are queued here: send the texts in ordinary requests."
    payload.not_queued({"text": "a"}, {"queueRequest": "false"})
    payload.not_queued({"text": "a"}, {})
    assert wrong(Unsupported, payload.not_queued, {}, {"queueRequest": "true"}).path == (
        "/queueRequest"
    )


def test_a_text_is_a_string_with_a_character() -> None:
    assert payload.text({"a": "b"}, "a") == "b"
    error = wrong(WrongType, payload.text, {"a": 5}, "a")
    assert (error.path, error.expected, error.actual) == ("/a", ["string"], "integer")
    assert wrong(TooShort, payload.text, {"a": ""}, "a").path == "/a"


def test_texts_are_at_most_so_many_strings() -> None:
    assert payload.texts({"a": ["b", "c"]}, "a", 2) == ["b", "c"]
    assert payload.texts({"a": []}, "a", 2) == []
    error = wrong(TooMany, payload.texts, {"a": ["b", "c", "d"]}, "a", 2)
    assert (error.path, error.maximum, error.given) == ("/a", 2, 3)
    error = wrong(WrongType, payload.texts, {"a": "b"}, "a", 2)
    assert (error.path, error.expected, error.actual) == ("/a", ["array"], "string")
    assert wrong(WrongType, payload.texts, {"a": ["b", None]}, "a", 2).path == "/a/1"
    assert wrong(TooShort, payload.texts, {"a": ["", "b"]}, "a", 2).path == "/a/0"


def test_a_string_is_a_list_of_one() -> None:
    assert payload.text_or_texts({"a": "b"}, "a", 1) == ["b"]
    assert payload.text_or_texts({"a": ["b"]}, "a", 1) == ["b"]
    assert wrong(TooMany, payload.text_or_texts, {"a": ["b", "c"]}, "a", 1).maximum == 1
    assert wrong(TooShort, payload.text_or_texts, {"a": ""}, "a", 1).path == "/a"
    error = wrong(WrongType, payload.text_or_texts, {"a": {}}, "a", 1)
    assert (error.path, error.expected, error.actual) == ("/a", ["string", "array"], "object")


@pytest.mark.parametrize(
    ("value", "found"),
    [("a", ["a"]), (["a"], ["a"]), ([["a"], ["b"]], ["a", "b"]), ([["a"], "b"], ["a", "b"])],
)
def test_sequences_are_one_or_a_batch(value: object, found: list[str]) -> None:
    assert payload.sequences({"a": value}, "a", 2) == found


def test_sequences_that_are_not_served() -> None:
    for pair in (["a", "b"], [["a", "b"]], [["c"], ["a", "b"]]):
        error = wrong(Unsupported, payload.sequences, {"a": pair}, "a", 9)
        assert error.path == "/a"
        assert str(error) == (
            'No pairs are read here; a batch is written [["one text"], ["another"]].'
        )
    assert wrong(Empty, payload.sequences, {"a": []}, "a", 9).path == "/a"
    assert wrong(TooMany, payload.sequences, {"a": [["b"]] * 3}, "a", 2).given == 3
    error = wrong(WrongType, payload.sequences, {"a": [["a", "b", "c"]]}, "a", 9)
    assert (error.path, error.actual) == ("/a/0", "array")
    assert wrong(WrongType, payload.sequences, {"a": 5}, "a", 9).path == "/a/0"
    assert wrong(WrongType, payload.sequences, {"a": [["a"], []]}, "a", 9).path == "/a/1"


@pytest.mark.parametrize(
    ("value", "batch"), [([["a"]], True), ([], True), (["a"], False), ("a", False), (None, False)]
)
def test_a_batch_is_a_list_of_lists(value: object, batch: bool) -> None:
    assert payload.is_batch(value) is batch


def test_a_choice_is_the_first_unless_another_is_made() -> None:
    assert payload.choice({}, "a", ["b", "c"]) == "b"
    assert payload.choice({"a": None}, "a", ["b", "c"]) == "b"
    assert payload.choice({"a": "c"}, "a", ["b", "c"]) == "c"
    for value in ("d", "", 0, False, ["b"], {}):
        error = wrong(NotOneOf, payload.choice, {"a": value}, "a", ["b", "c"])
        assert (error.path, error.allowed) == ("/a", ["b", "c"])


def test_a_flag_is_a_boolean_or_nothing() -> None:
    assert payload.flag({}, "a") is None
    assert payload.flag({"a": None}, "a") is None
    assert payload.flag({"a": True}, "a") is True
    assert payload.flag({"a": False}, "a") is False
    for value in (0, 1, "true", []):
        error = wrong(WrongType, payload.flag, {"a": value}, "a")
        assert (error.path, error.expected) == ("/a", ["boolean"])


def test_an_integer_is_no_boolean_and_no_fraction() -> None:
    assert payload.integer({}, "a") is None
    assert payload.integer({"a": None}, "a") is None
    assert payload.integer({"a": 1}, "a") == 1
    assert payload.integer({"a": 0}, "a", 0) == 0
    for value in (True, False, 1.0, "1"):
        error = wrong(WrongType, payload.integer, {"a": value}, "a")
        assert (error.path, error.expected) == ("/a", ["integer"])
    error = wrong(TooSmall, payload.integer, {"a": 0}, "a")
    assert (error.path, error.minimum) == ("/a", 1)
    assert wrong(TooSmall, payload.integer, {"a": 4}, "a", 5).minimum == 5


def test_a_number_of_a_query_is_digits() -> None:
    assert payload.number({}, "a", 7) == 7
    assert payload.number({"a": "12"}, "a", 7) == 12
    assert payload.number({"a": "9" * 5_000}, "a", 7) == 10**18 - 1
    for value in ("", "-1", "1.5", "\u0661", "\u00b2", "1 "):
        error = wrong(WrongType, payload.number, {"a": value}, "a", 7)
        assert (error.path, error.expected) == ("/a", ["integer"])
    assert wrong(TooSmall, payload.number, {"a": "0"}, "a", 7).minimum == 1


def test_one_text_there_must_be() -> None:
    assert payload.some(["a"], "b") == ["a"]
    assert wrong(Empty, payload.some, [], "b").path == "/b"


@pytest.mark.parametrize(
    ("body", "side"),
    [
        ({}, "right"),
        ({"truncate": True}, "right"),
        ({"truncate": None}, "right"),
        ({"truncate": False}, "none"),
        ({"truncation_direction": "LEFT"}, "left"),
        ({"truncation_direction": "Right"}, "right"),
        ({"truncation_direction": None}, "right"),
        ({"truncate": False, "truncation_direction": "left"}, "none"),
    ],
)
def test_the_side_on_which_a_text_is_cut(body: dict[str, Any], side: str) -> None:
    assert payload.truncation(body) == side


def test_a_side_or_a_flag_that_is_none_is_refused() -> None:
    error = wrong(NotOneOf, payload.truncation, {"truncation_direction": "up"})
    assert (error.path, error.allowed) == ("/truncation_direction", ["right", "left"])
    assert wrong(NotOneOf, payload.truncation, {"truncation_direction": 5})
    assert wrong(WrongType, payload.truncation, {"truncate": "no"}).path == "/truncate"


def test_a_model_has_its_own_dimensions_and_no_prompts() -> None:
    for body in ({}, {"dimensions": None}, {"dimensions": 16}, {"prompt_name": None}):
        payload.own_dimensions(body, 16)
    error = wrong(Unsupported, payload.own_dimensions, {"dimensions": 8}, 16)
    assert (error.path, str(error)) == (
        "/dimensions",
        "This model has 16 dimensions, no others.",
    )
    error = wrong(Unsupported, payload.own_dimensions, {"prompt_name": "query"}, 16)
    assert (error.path, str(error)) == ("/prompt_name", "The models here have no prompts.")


def test_token_ids_are_no_texts() -> None:
    for value in ("a", ["a"], [], 5, [None]):
        assert payload.no_token_ids({"a": value}, "a") == {"a": value}
    for value in ([1], ["a", 1], [[1]], [True]):
        error = wrong(Unsupported, payload.no_token_ids, {"a": value}, "a")
        assert error.path == "/a"
        assert str(error) == (
            "Send texts, not token ids (LangChain: check_embedding_ctx_length=False)."
        )
