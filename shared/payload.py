"""Texts and options out of a parsed body. Raises the InvalidInput that says what is wrong."""

from collections.abc import Sequence
from typing import Any

from shared.errors import MissingField, NotOneOf, TooMany, TooShort, WrongType

Body = dict[str, Any]


def require(body: Body, *alternatives: Sequence[str]) -> None:
    """One of these sets of fields must be there in full."""
    if not any(body.keys() >= set(names) for names in alternatives):
        raise MissingField(*alternatives, given=body)


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


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise WrongType(path, ["string"], value)
    if not value:
        raise TooShort(path)
    return value
