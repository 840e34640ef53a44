"""What can go wrong, by name. Only a dialect knows what status and body a name becomes.

TextfnError
├── InvalidInput
│   ├── EmptyBody           nothing was sent
│   ├── UnreadableRequest   a request whose headers or body are broken
│   ├── NotHttp             an event of Lambda that is no request
│   ├── NotJson             the bytes are not UTF-8 JSON
│   ├── MissingField        a required field is absent
│   ├── WrongType           a field holds another JSON type
│   ├── TooShort            an empty string
│   ├── TooLong             more tokens than the model takes, and it may not be cut
│   ├── TooMany             more items than one request may have
│   ├── TooSmall            a number below its least value
│   ├── Empty               no items where one is needed
│   ├── NotOneOf            a value outside its list
│   └── Unsupported         understood, but not served here
├── InputTooLarge           more bytes than one request may have
│   └── AnswerTooLarge      more than one answer may carry
├── UnknownModel
│   └── ModelNotInstalled   in the catalogue, its files are not here
├── AccessDenied
│   ├── MissingCredentials
│   └── InvalidToken        where a token itself is asked about
├── UnknownPath
├── MethodNotAllowed
├── UnsupportedEncoding     a compressed body
├── Overloaded
├── DeadlineExceeded
│   └── BodyTooSlow         the time was up before all of the body was there
└── InternalError           anything unforeseen; its text is in the log alone

`str(error)` is a sentence for the caller: what the limit is, what was given, what to do. It never
holds a text that was sent; `hint` may name a field or a model that was.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Failure(Exception):
    """An error that a person can cause and repair; the command line prints it as one line.

    `exit_code` is the exit code of the command, `hint` a sentence on what to do.
    """

    exit_code = 1
    hint = ""


class TextfnError(Failure):
    """An error of a request, which a dialect puts into its own words."""


class InvalidInput(TextfnError):
    """`path` is the JSON pointer (RFC 6901) of the value at fault."""

    path = "/"


class EmptyBody(InvalidInput):
    def __init__(self) -> None:
        super().__init__("The request has no body: send a JSON object.")


class UnreadableRequest(InvalidInput):
    def __init__(self) -> None:
        super().__init__("The request's headers or body cannot be read: they are not UTF-8 text.")


class NotHttp(InvalidInput):
    def __init__(self) -> None:
        super().__init__(
            "This function answers requests of API Gateway, function URLs and load balancers."
        )


class NotJson(InvalidInput):
    """`reason` is the parser's, which gives a place and never the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The body is not JSON in UTF-8: {reason}.")
        self.reason = reason


class MissingField(InvalidInput):
    """`alternatives` are the sets of fields of which one must be complete, best first."""

    def __init__(self, *alternatives: Sequence[str], given: Collection[str] = ()) -> None:
        wanted = " or ".join(" and ".join(f'"{name}"' for name in names) for names in alternatives)
        super().__init__(f"The body must have {wanted}.")
        self.alternatives = alternatives
        self.missing = [name for name in alternatives[0] if name not in given]
        strangers = [name for name in given if name not in alternatives[0] and _is_plain(name)]
        if strangers:
            self.hint = f'did you mean "{self.missing[0]}"? got "{strangers[0]}"'


class WrongType(InvalidInput):
    """`expected` and `actual` are JSON's names of types: string, array, object, number, ..."""

    def __init__(self, path: str, expected: Sequence[str], value: object) -> None:
        self.path, self.expected, self.actual = path, expected, json_type(value)
        super().__init__(f"{path} must be {' or '.join(expected)}, got {self.actual}.")


class TooShort(InvalidInput):
    def __init__(self, path: str, minimum: int = 1) -> None:
        self.path, self.minimum = path, minimum
        super().__init__(f"{path} must have at least {minimum} character, got 0.")


class TooLong(InvalidInput):
    """`given` is a number, or "<number> or more" of a text too long to be counted to its end."""

    path = "/inputs"

    def __init__(self, maximum: int, given: str) -> None:
        self.maximum, self.given = maximum, given
        super().__init__(
            f"A text may have at most {maximum} tokens, got {given}: "
            "send a shorter one, or let it be cut by leaving out truncate."
        )


class TooMany(InvalidInput):
    def __init__(self, path: str, maximum: int, given: int) -> None:
        self.path, self.maximum, self.given = path, maximum, given
        super().__init__(
            f"{path} may have at most {maximum} items, got {given}: send them in several requests."
        )


class TooSmall(InvalidInput):
    def __init__(self, path: str, minimum: int) -> None:
        self.path, self.minimum = path, minimum
        super().__init__(f"{path} must be at least {minimum}.")


class Empty(InvalidInput):
    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"{path} must have at least one item, got none.")


class NotOneOf(InvalidInput):
    def __init__(self, path: str, allowed: Sequence[str]) -> None:
        self.path, self.allowed = path, allowed
        super().__init__(f"{path} must be one of {', '.join(allowed)}.")


class Unsupported(InvalidInput):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path


class InputTooLarge(TextfnError):
    def __init__(self, maximum: int, given: int) -> None:
        super().__init__(
            f"The body may have at most {maximum} bytes, got {given} or more: "
            "send the texts in several requests."
        )


class AnswerTooLarge(InputTooLarge):
    """`maximum` texts are what one answer carries."""

    def __init__(self, maximum: int, given: int) -> None:
        TextfnError.__init__(
            self,
            f"The answer to {given} texts would be too large for the gateway: "
            f"send at most {maximum} in one request.",
        )


class UnknownModel(TextfnError):
    """`model` is the name as it was asked for, `close` names that look like it."""

    def __init__(self, model: str, close: Sequence[str] = (), served: Sequence[str] = ()) -> None:
        self.model = printable(model)
        super().__init__(f"No such model {self.model} or task.")
        likely = [f"did you mean {' or '.join(close)}?"] if close else []
        self.hint = " ".join([*likely, f"served here: {', '.join(served) or 'none'}"])


class ModelNotInstalled(UnknownModel):
    """`command` installs it."""

    def __init__(self, model: str, command: str) -> None:
        super().__init__(model)
        self.args = (f"The model {self.model} is not installed here: {command}",)
        self.hint = ""


class AccessDenied(TextfnError):
    def __init__(self, message: str = "The token is not valid for this service.") -> None:
        super().__init__(message)


class MissingCredentials(AccessDenied):
    def __init__(self) -> None:
        super().__init__("Send a token: Authorization: Bearer <token>.")


class InvalidToken(AccessDenied):
    """The answer to the question whether a token is valid."""


class UnknownPath(TextfnError):
    def __init__(self, path: str, close: str | None = None) -> None:
        self.path = printable(path)
        super().__init__(f"Nothing is served at {self.path}.")
        if close:
            self.hint = f"did you mean {close}?"


class MethodNotAllowed(TextfnError):
    def __init__(self, allowed: str) -> None:
        self.allowed = allowed
        super().__init__(f"This path answers {allowed} only.")


class UnsupportedEncoding(TextfnError):
    """`encoding` is the Content-Encoding that was sent."""

    def __init__(self, encoding: str) -> None:
        self.encoding = printable(encoding)
        super().__init__(
            f"Bodies are read as they are, not decoded from {self.encoding}: "
            "send JSON without a Content-Encoding."
        )


class Overloaded(TextfnError):
    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"Too many requests are waiting: try again in {retry_after} s.")


class DeadlineExceeded(TextfnError):
    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The answer would take longer than {seconds:g} s: send fewer or shorter texts."
        )


class BodyTooSlow(DeadlineExceeded):
    def __init__(self, seconds: float) -> None:
        TextfnError.__init__(
            self, f"Not all of the body arrived within {seconds:g} s: send it at once."
        )


class InternalError(TextfnError):
    def __init__(self) -> None:
        super().__init__("Internal server error.")


def for_error(table: Mapping[type[TextfnError], T], error: TextfnError) -> T:
    """The entry of the error's class or of its nearest ancestor in the table."""
    return next(table[name] for name in type(error).__mro__ if name in table)


def json_type(value: object) -> str:
    """JSON Schema's name for the type of a parsed value."""
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


def printable(name: str) -> str:
    """A model or a path fit to be shown: ASCII without controls, 100 characters at most."""
    return re.sub(r"[^!-~]", "?", name[:100])


def _is_plain(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z_-]{1,32}", name) is not None
