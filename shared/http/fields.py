"""The fields of a request's body. A wrong field raises the InvalidInput for its fault."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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

MOST_TEXTS = 2048  # per request outside of Cloudflare's routes: OpenAI's limit


class Fields:
    """A parsed JSON object. A field that is null counts as absent, unless it is required."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body

    def __contains__(self, field: str) -> bool:
        return field in self.body

    def __getitem__(self, field: str) -> Any:
        return self.body[field]

    def get(self, field: str) -> Any:
        return self.body.get(field)

    def has_any(self, *names: str) -> bool:
        return bool(self.body.keys() & set(names))

    def with_defaults(self, **defaults: Any) -> Fields:
        """Return the same fields, and these where they are absent."""
        return Fields({**defaults, **self.body})

    def with_parameters(self) -> Fields:
        """Return the fields and those in `parameters`, where some Hugging Face clients send them.

        A field outside of `parameters` wins.
        """
        parameters = self.get("parameters")
        if parameters is not None and not isinstance(parameters, dict):
            raise WrongType("/parameters", ["object"], parameters)
        return self.with_defaults(**(parameters or {}))

    @property
    def uses_cache(self) -> bool:
        """False if Hugging Face's option `use_cache` is false."""
        options = self.get("options")
        return not isinstance(options, dict) or options.get("use_cache") is not False

    def require(self, *alternatives: Sequence[str]) -> None:
        """Raise MissingField unless one of these sets of fields is there in full."""
        if not any(self.body.keys() >= set(names) for names in alternatives):
            raise MissingField(*alternatives, given=self.body)

    def text(self, field: str) -> str:
        """Return a string of at least one character."""
        return _text(self[field], f"/{field}")

    def object(self, field: str) -> Fields:
        """The fields of an object."""
        if not isinstance(self[field], dict):
            raise WrongType(f"/{field}", ["object"], self[field])
        return Fields(self[field])

    def texts(self, field: str, most: int) -> list[str]:
        """Return the strings of an array of at most `most`, each of at least one character."""
        value, path = self[field], f"/{field}"
        if not isinstance(value, list):
            raise WrongType(path, ["array"], value)
        if len(value) > most:
            raise TooMany(path, most, len(value))
        return [_text(each, f"{path}/{index}") for index, each in enumerate(value)]

    def some_texts(self, field: str, most: int, named: str = "") -> list[str]:
        """Return at least one string, as `texts` does. `named` is the field's name in the error."""
        texts = self.texts(field, most)
        if not texts:
            raise Empty(f"/{named or field}")
        return texts

    def text_or_texts(self, field: str, most: int) -> list[str]:
        """Return a string as a list of one, or an array of strings."""
        if isinstance(self[field], list):
            return self.texts(field, most)
        if not isinstance(self[field], str):
            raise WrongType(f"/{field}", ["string", "array"], self[field])
        return [self.text(field)]

    def text_or_some_texts(self, field: str, most: int) -> list[str]:
        """Return a string as a list of one, or an array of at least one string."""
        texts = self.text_or_texts(field, most)
        if not texts:
            raise Empty(f"/{field}")
        return texts

    def sequences(self, field: str, most: int) -> list[str]:
        """Return the texts of one sequence, "a" or ["a"], or of a batch, [["a"], ["b"]].

        Raises Unsupported for a pair, ["a", "b"].
        """
        each = self[field] if self.is_batch(field) else [self[field]]
        if any(isinstance(sequence, list) and len(sequence) == 2 for sequence in each):
            reason = (
                f"'{field}' has a pair of texts; pairs are not supported. "
                'Send a batch as [["one text"], ["another"]].'
            )
            raise Unsupported(f"/{field}", reason)
        flat = [part[0] if isinstance(part, list) and len(part) == 1 else part for part in each]
        return Fields({field: flat}).some_texts(field, most)

    def is_batch(self, field: str) -> bool:
        """Tell whether the field is a list of lists, or an empty list."""
        value = self[field]
        return isinstance(value, list) and (not value or isinstance(value[0], list))

    def choice(self, field: str, allowed: Sequence[str]) -> str:
        """Return one of `allowed`; its first if the field is absent or null."""
        value = self.get(field)
        if value is None:
            return allowed[0]
        if value not in allowed:
            raise NotOneOf(f"/{field}", allowed)
        return str(value)

    def flag(self, field: str) -> bool | None:
        """Return a boolean; None if the field is absent or null."""
        value = self.get(field)
        if value is not None and not isinstance(value, bool):
            raise WrongType(f"/{field}", ["boolean"], value)
        return value

    def integer(self, field: str, minimum: int = 1) -> int | None:
        """Return a whole number of at least `minimum`; None if the field is absent or null."""
        value = self.get(field)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise WrongType(f"/{field}", ["integer"], value)
        if value < minimum:
            raise TooSmall(f"/{field}", minimum)
        return value

    def any_case(self, field: str) -> Fields:
        """Return the same fields, with this one in lower case if it is a string."""
        value = self.get(field)
        return Fields({**self.body, field: value.lower()}) if isinstance(value, str) else self

    def truncation(self, refusing: str = "truncate") -> str:
        """Return the side on which a long text is cut, "right" or "left"; "none" if it must not be.

        The default is "right"; if the field `refusing` is false, it is "none". The case of letters
        does not count.
        """
        lower = self.any_case("truncation_direction")
        chosen = lower.choice("truncation_direction", ["right", "left"])
        return "none" if self.flag(refusing) is False else chosen

    def check_dimensions(self, dimensions: int) -> None:
        """Raise Unsupported for another number of dimensions."""
        given = self.get("dimensions")
        if given not in (None, dimensions):
            number = isinstance(given, int | float)
            shown = f"'dimensions' is {given}" if number else "'dimensions' is not a number"
            reason = (
                f"{shown}; this model returns {dimensions}. Remove the field or send {dimensions}."
            )
            raise Unsupported("/dimensions", reason)

    def prompt_name(self, prompts: Collection[str]) -> str:
        """Return the name of one of a model's prompts; "" if the field is absent or null."""
        name = self.get("prompt_name")
        if name is None:
            return ""
        if not isinstance(name, str):
            raise WrongType("/prompt_name", ["string"], name)
        if name not in prompts:
            has = (
                f"the model has no such prompt. Send one of {', '.join(prompts)}."
                if prompts
                else "this model has no prompts. Remove the field."
            )
            raise Unsupported("/prompt_name", f"'prompt_name' is set; {has}")
        return name

    def check_no_token_ids(self, field: str) -> None:
        """Raise Unsupported for a list of token ids, or of lists of them."""
        value = self[field]
        if isinstance(value, list) and any(isinstance(each, int | list) for each in value):
            reason = (
                f"'{field}' has token ids; this service takes texts. Send texts "
                "(LangChain: check_embedding_ctx_length=False)."
            )
            raise Unsupported(f"/{field}", reason)


def number(query: Mapping[str, str], field: str, default: int) -> int:
    """Return a whole number of 1 or more from a query string. Raises WrongType or TooSmall."""
    value = query.get(field, str(default))
    if not (value.isascii() and value.isdigit()):
        raise WrongType(f"/{field}", ["integer"], value)
    return Fields({field: int(value[:18])}).integer(field) or default


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise WrongType(path, ["string"], value)
    if not value:
        raise TooShort(path)
    return value
