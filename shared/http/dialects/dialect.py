"""A dialect: the paths that its clients ask, and the format of its errors."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

from shared.errors import TextfnError
from shared.http.dialects.known_fields import FieldRules

T = TypeVar("T")


class Path(NamedTuple):
    """A path as Starlette's pattern, and the form of the request that is sent there.

    A form is what a body means and what its answer looks like, such as "embeddings" for OpenAI's
    embeddings request. The functions have one endpoint per form.
    """

    pattern: str
    form: str
    method: str = "POST"


class ErrorSchema(NamedTuple):
    """The JSON Schema of an error's body, and its name in the OpenAPI document."""

    name: str
    schema: dict[str, Any]


class Dialect(Protocol):
    """One module per dialect; `DIALECTS` lists them. Everything else loops over that tuple.

    `TITLE` is the tag of the dialect's operations in the OpenAPI document. `FIELDS` has the fields
    of each task that the dialect asks for; known_fields.py says what becomes of all others.
    """

    TITLE: str
    PATHS: tuple[Path, ...]
    FIELDS: Mapping[str, FieldRules]
    ERROR: ErrorSchema

    def owns(self, path: str) -> bool:
        """Tell whether this dialect's clients ask a path, known or not."""

    def error(self, error: TextfnError, request_id: str) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of an error."""

    def headers(self, seconds: float) -> dict[str, str]:
        """Return the headers of an answer that took so many seconds."""


def for_error(table: Mapping[type[TextfnError], T], error: TextfnError) -> T:
    """Return the entry of the error's class, or of its nearest ancestor in the table."""
    return next(table[name] for name in type(error).__mro__ if name in table)
