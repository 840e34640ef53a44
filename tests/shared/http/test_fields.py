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
from shared.http.fields import Fields, number


def wrong(kind: type[InvalidInput], function: Any, *arguments: Any) -> Any:
    """The error of exactly that kind which the call raises."""
    with pytest.raises(InvalidInput) as raised:
        function(*arguments)
    assert type(raised.value) is kind
    return raised.value


def test_one_set_of_fields_must_be_there_in_full() -> None:
    Fields({"a": 1, "b": 2, "c": 3}).require(["a", "b"])
    Fields({"c": 1}).require(["a", "b"], ["c"])
    assert wrong(MissingField, Fields({"a": 1}).require, ["a", "b"]).missing == ["b"]
    error = wrong(MissingField, Fields({"x": 1}).require, ["a"], ["b"])
    assert error.alternatives == (["a"], ["b"])
    assert error.hint == 'Did you mean "a"? The body has "x".'


def test_parameters_are_options_and_the_root_wins() -> None:
    body = {"inputs": "a", "top_k": 1, "parameters": {"top_k": 2, "truncate": True}}
    assert Fields(body).with_parameters().body == {**body, "truncate": True}
    assert Fields({"inputs": "a"}).with_parameters().body == {"inputs": "a"}
    assert Fields({"parameters": None}).with_parameters().body == {"parameters": None}
    error = wrong(WrongType, Fields({"parameters": []}).with_parameters)
    assert (error.path, error.expected, error.actual) == ("/parameters", ["object"], "array")


def test_a_text_is_a_string_with_a_character() -> None:
    assert Fields({"a": "b"}).text("a") == "b"
    error = wrong(WrongType, Fields({"a": 5}).text, "a")
    assert (error.path, error.expected, error.actual) == ("/a", ["string"], "integer")
    assert wrong(TooShort, Fields({"a": ""}).text, "a").path == "/a"


def test_texts_are_at_most_so_many_strings() -> None:
    assert Fields({"a": ["b", "c"]}).texts("a", 2) == ["b", "c"]
    assert Fields({"a": []}).texts("a", 2) == []
    error = wrong(TooMany, Fields({"a": ["b", "c", "d"]}).texts, "a", 2)
    assert (error.path, error.maximum, error.given) == ("/a", 2, 3)
    error = wrong(WrongType, Fields({"a": "b"}).texts, "a", 2)
    assert (error.path, error.expected, error.actual) == ("/a", ["array"], "string")
    assert wrong(WrongType, Fields({"a": ["b", None]}).texts, "a", 2).path == "/a/1"
    assert wrong(TooShort, Fields({"a": ["", "b"]}).texts, "a", 2).path == "/a/0"


def test_a_string_is_a_list_of_one() -> None:
    assert Fields({"a": "b"}).text_or_texts("a", 1) == ["b"]
    assert Fields({"a": ["b"]}).text_or_texts("a", 1) == ["b"]
    assert wrong(TooMany, Fields({"a": ["b", "c"]}).text_or_texts, "a", 1).maximum == 1
    assert wrong(TooShort, Fields({"a": ""}).text_or_texts, "a", 1).path == "/a"
    error = wrong(WrongType, Fields({"a": {}}).text_or_texts, "a", 1)
    assert (error.path, error.expected, error.actual) == ("/a", ["string", "array"], "object")


@pytest.mark.parametrize(
    ("value", "found"),
    [("a", ["a"]), (["a"], ["a"]), ([["a"], ["b"]], ["a", "b"]), ([["a"], "b"], ["a", "b"])],
)
def test_sequences_are_one_or_a_batch(value: object, found: list[str]) -> None:
    assert Fields({"a": value}).sequences("a", 2) == found


def test_sequences_that_are_not_served() -> None:
    for pair in (["a", "b"], [["a", "b"]], [["c"], ["a", "b"]]):
        error = wrong(Unsupported, Fields({"a": pair}).sequences, "a", 9)
        assert error.path == "/a"
        assert str(error) == (
            "'a' has a pair of texts; pairs are not supported. "
            'Send a batch as [["one text"], ["another"]].'
        )
    assert wrong(Empty, Fields({"a": []}).sequences, "a", 9).path == "/a"
    assert wrong(TooMany, Fields({"a": [["b"]] * 3}).sequences, "a", 2).given == 3
    error = wrong(WrongType, Fields({"a": [["a", "b", "c"]]}).sequences, "a", 9)
    assert (error.path, error.actual) == ("/a/0", "array")
    assert wrong(WrongType, Fields({"a": 5}).sequences, "a", 9).path == "/a/0"
    assert wrong(WrongType, Fields({"a": [["a"], []]}).sequences, "a", 9).path == "/a/1"


@pytest.mark.parametrize(
    ("value", "batch"), [([["a"]], True), ([], True), (["a"], False), ("a", False), (None, False)]
)
def test_a_batch_is_a_list_of_lists(value: object, batch: bool) -> None:
    assert Fields({"a": value}).is_batch("a") is batch


def test_a_choice_is_the_first_unless_another_is_made() -> None:
    assert Fields({}).choice("a", ["b", "c"]) == "b"
    assert Fields({"a": None}).choice("a", ["b", "c"]) == "b"
    assert Fields({"a": "c"}).choice("a", ["b", "c"]) == "c"
    for value in ("d", "", 0, False, ["b"], {}):
        error = wrong(NotOneOf, Fields({"a": value}).choice, "a", ["b", "c"])
        assert (error.path, error.allowed) == ("/a", ["b", "c"])


def test_a_flag_is_a_boolean_or_nothing() -> None:
    assert Fields({}).flag("a") is None
    assert Fields({"a": None}).flag("a") is None
    assert Fields({"a": True}).flag("a") is True
    assert Fields({"a": False}).flag("a") is False
    for value in (0, 1, "true", []):
        error = wrong(WrongType, Fields({"a": value}).flag, "a")
        assert (error.path, error.expected) == ("/a", ["boolean"])


def test_an_integer_is_no_boolean_and_no_fraction() -> None:
    assert Fields({}).integer("a") is None
    assert Fields({"a": None}).integer("a") is None
    assert Fields({"a": 1}).integer("a") == 1
    assert Fields({"a": 0}).integer("a", 0) == 0
    for value in (True, False, 1.0, "1"):
        error = wrong(WrongType, Fields({"a": value}).integer, "a")
        assert (error.path, error.expected) == ("/a", ["integer"])
    error = wrong(TooSmall, Fields({"a": 0}).integer, "a")
    assert (error.path, error.minimum) == ("/a", 1)
    assert wrong(TooSmall, Fields({"a": 4}).integer, "a", 5).minimum == 5


def test_a_number_of_a_query_is_digits() -> None:
    assert number({}, "a", 7) == 7
    assert number({"a": "12"}, "a", 7) == 12
    assert number({"a": "9" * 5_000}, "a", 7) == 10**18 - 1
    for value in ("", "-1", "1.5", "\u0661", "\u00b2", "1 "):
        error = wrong(WrongType, number, {"a": value}, "a", 7)
        assert (error.path, error.expected) == ("/a", ["integer"])
    assert wrong(TooSmall, number, {"a": "0"}, "a", 7).minimum == 1


def test_one_text_there_must_be() -> None:
    assert Fields({"b": ["a"]}).some_texts("b", 1) == ["a"]
    assert Fields({"b": "a"}).text_or_some_texts("b", 1) == ["a"]
    assert wrong(Empty, Fields({"b": []}).some_texts, "b", 1).path == "/b"
    assert wrong(Empty, Fields({"b": []}).some_texts, "b", 1, "a/b").path == "/a/b"
    assert wrong(Empty, Fields({"b": []}).text_or_some_texts, "b", 1).path == "/b"


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
    assert Fields(body).truncation() == side


def test_a_side_or_a_flag_that_is_none_is_refused() -> None:
    error = wrong(NotOneOf, Fields({"truncation_direction": "up"}).truncation)
    assert (error.path, error.allowed) == ("/truncation_direction", ["right", "left"])
    assert wrong(NotOneOf, Fields({"truncation_direction": 5}).truncation)
    assert wrong(WrongType, Fields({"truncate": "no"}).truncation).path == "/truncate"


def test_a_model_has_its_own_dimensions() -> None:
    for body in ({}, {"dimensions": None}, {"dimensions": 16}):
        Fields(body).check_dimensions(16)
    error = wrong(Unsupported, Fields({"dimensions": 8}).check_dimensions, 16)
    assert (error.path, str(error)) == (
        "/dimensions",
        "'dimensions' is 8; this model returns 16. Remove the field or send 16.",
    )


def test_token_ids_are_no_texts() -> None:
    for value in ("a", ["a"], [], 5, [None]):
        assert Fields({"a": value}).check_no_token_ids("a") is None
    for value in ([1], ["a", 1], [[1]], [True]):
        error = wrong(Unsupported, Fields({"a": value}).check_no_token_ids, "a")
        assert error.path == "/a"
        assert str(error) == (
            "'a' has token ids; this service takes texts. Send texts "
            "(LangChain: check_embedding_ctx_length=False)."
        )
