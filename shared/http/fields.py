"""Texts and options out of a parsed body. Raises the InvalidInput that says what is wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.errors import (
    Empty,
    MissingField,
    NotOneOf,
    TooMany,
    TooShort,
    TooSmall,
    Unsupported,
    WrongType,
)

Body = dict[str, Any]


def require(body: Body, *alternatives: Sequence[str]) -> None:
    """One of these sets of fields must be there in full."""
    if not any(body.keys() >= set(names) for names in alternatives):
        raise MissingField(*alternatives, given=body)


def options(body: Body) -> Body:
    """A Hugging Face body with its `parameters` beside `inputs`, where some clients put them.

    What is at the root already stays.
    """
    parameters = body.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise WrongType("/parameters", ["object"], parameters)
    return {**(parameters or {}), **body}


def not_queued(body: Body, query: Mapping[str, str]) -> None:
    """Raises Unsupported for the three forms of Workers AI's batch API."""
    forms = {**body, "queueRequest": True} if query.get("queueRequest") == "true" else body
    for field in ("queueRequest", "requests", "request_id"):
        if field in forms:
            reason = "No batches are queued here: send the texts in ordinary requests."
            raise Unsupported(f"/{field}", reason)


def text(body: Body, field: str) -> str:
    """A string of at least one character."""
    return _text(body[field], f"/{field}")


def texts(body: Body, field: str, most: int) -> list[str]:
    """Strings of at least one character each, from an array of at most `most`."""
    value, path = body[field], f"/{field}"
    if not isinstance(value, list):
        raise WrongType(path, ["array"], value)
    if len(value) > most:
        raise TooMany(path, most, len(value))
    return [_text(each, f"{path}/{index}") for index, each in enumerate(value)]


def text_or_texts(body: Body, field: str, most: int) -> list[str]:
    """A string as a list of one, or an array of strings."""
    if isinstance(body[field], list):
        return texts(body, field, most)
    if not isinstance(body[field], str):
        raise WrongType(f"/{field}", ["string", "array"], body[field])
    return [text(body, field)]


def sequences(body: Body, field: str, most: int) -> list[str]:
    """One sequence, "a" or ["a"], or a batch of them, [["a"], ["b"]]; ["a", "b"] is a pair."""
    value = body[field]
    each = value if is_batch(value) else [value]
    if any(isinstance(sequence, list) and len(sequence) == 2 for sequence in each):
        reason = 'No pairs are read here; a batch is written [["one text"], ["another"]].'
        raise Unsupported(f"/{field}", reason)
    flat = [part[0] if isinstance(part, list) and len(part) == 1 else part for part in each]
    return texts({field: some(flat, field)}, field, most)


def is_batch(value: object) -> bool:
    return isinstance(value, list) and (not value or isinstance(value[0], list))


def choice(body: Body, field: str, allowed: Sequence[str]) -> str:
    """One of a list; its first where the field is absent or null."""
    value = body.get(field)
    if value is None:
        return allowed[0]
    if value not in allowed:
        raise NotOneOf(f"/{field}", allowed)
    return str(value)


def flag(body: Body, field: str) -> bool | None:
    """A boolean, None where the field is absent or null."""
    value = body.get(field)
    if value is not None and not isinstance(value, bool):
        raise WrongType(f"/{field}", ["boolean"], value)
    return value


def integer(body: Body, field: str, minimum: int = 1) -> int | None:
    """A whole number from `minimum` on, None where the field is absent or null."""
    value = body.get(field)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise WrongType(f"/{field}", ["integer"], value)
    if value < minimum:
        raise TooSmall(f"/{field}", minimum)
    return value


def number(query: Mapping[str, str], field: str, default: int) -> int:
    """A whole number above 0 out of a query's strings."""
    value = query.get(field, str(default))
    if not (value.isascii() and value.isdigit()):
        raise WrongType(f"/{field}", ["integer"], value)
    return integer({field: int(value[:18])}, field) or default


def some(texts: list[str], field: str) -> list[str]:
    """The texts, of which there must be one."""
    if not texts:
        raise Empty(f"/{field}")
    return texts


def truncation(body: Body) -> str:
    """The side on which a long text is cut, "right" unless asked; "none" for `truncate: false`."""
    side = choice(_lower(body, "truncation_direction"), "truncation_direction", ["right", "left"])
    return "none" if flag(body, "truncate") is False else side


def own_dimensions(body: Body, dimensions: int) -> None:
    """Raises Unsupported for fewer dimensions than the model's, and for a prompt: none has any."""
    if body.get("dimensions") not in (None, dimensions):
        raise Unsupported("/dimensions", f"This model has {dimensions} dimensions, no others.")
    if body.get("prompt_name") is not None:
        raise Unsupported("/prompt_name", "The models here have no prompts.")


def no_token_ids(body: Body, field: str) -> Body:
    """The body, in which the field is no list of numbers or of lists of them."""
    value = body[field]
    if isinstance(value, list) and any(isinstance(each, int | list) for each in value):
        reason = "Send texts, not token ids (LangChain: check_embedding_ctx_length=False)."
        raise Unsupported(f"/{field}", reason)
    return body


def _lower(body: Body, field: str) -> Body:
    value = body.get(field)
    return {**body, field: value.lower()} if isinstance(value, str) else body


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise WrongType(path, ["string"], value)
    if not value:
        raise TooShort(path)
    return value
