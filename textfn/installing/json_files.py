"""The JSON files of a folder that somebody else wrote: every value may have any type."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from textfn.failure import Failure, in_words

T = TypeVar("T")
# Python type -> the types that json.loads gives for it, and JSON's word.
TYPES: dict[type, tuple[tuple[type, ...], str]] = {
    str: ((str,), "a string"),
    bool: ((bool,), "true or false"),
    float: ((int, float), "a number"),
    dict: ((dict,), "an object"),
    list: ((list,), "an array"),
}


class CannotServe(Failure):
    """A model that would be served wrongly, or not at all."""


@dataclass(frozen=True)
class JsonFiles:
    """The JSON files of a folder by their names. Every method raises CannotServe."""

    folder: Path

    def has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def fields(self, name: str, *, needed: bool = False) -> dict[str, Any]:
        """Return the content of a file: empty if the file is not there and not needed."""
        return checked(name, self._content(name, {}, needed), dict)

    def array(self, name: str) -> list[Any]:
        """Return the content of a file: empty if the file is not there."""
        return checked(name, self._content(name, [], needed=False), list)

    def field(self, name: str, field: str, default: T) -> T:
        """Return a field of a file, of the default's type. null counts as absent."""
        value = self.fields(name).get(field)
        return default if value is None else checked(f"{name}: {field}", value, type(default))

    def number(self, name: str, field: str, default: int = 0) -> int:
        """Return a whole number of 0 or more. transformers writes some as 1e30."""
        value = self.field(name, field, float(default))
        if not 0 <= value <= 1e100:  # nor NaN
            raise CannotServe(f"{name}: {field} is {value}. It must be 0 or more, and finite.")
        return int(value)

    def _content(self, name: str, default: object, needed: bool) -> object:
        path = self.folder / name
        if not path.exists() and not needed:
            return default
        if path.exists() and not path.is_file():  # a named pipe would never end
            raise CannotServe(f"{path} cannot be read: it is no file")
        try:
            content: object = json.loads(path.read_text("utf-8"))
            return content
        except OSError as error:
            raise CannotServe(f"cannot read {in_words(error)}") from None
        except (ValueError, RecursionError) as error:
            raise CannotServe(f"{path} cannot be read: {error}") from None


def checked(place: str, value: object, kind: type[T]) -> T:
    """Return a value of JSON if it has this type. `place` names it in the error."""
    types, words = TYPES[kind]
    if type(value) not in types:
        raise CannotServe(f"{place} is {shown(value)}. It must be {words}.")
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise CannotServe(f"{place} is {shown(value)}, which is not Unicode: a lone surrogate.")
    return value  # type: ignore[return-value]


def shown(value: object) -> str:
    return json.dumps(value)[:50]
