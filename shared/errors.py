"""The errors of a request, by name. Each dialect maps a name to a status and a body.

TextfnError
├── InvalidInput
│   ├── EmptyBody, UnreadableRequest, NotHttp, NotJson: the request as a whole
│   └── MissingField, WrongType, TooShort, TooLong, TooMany, TooSmall, Empty, NotOneOf, Unsupported:
│       one of its fields
├── InputTooLarge ── AnswerTooLarge
├── UnknownModel ── ModelNotInstalled
├── AccessDenied ── MissingCredentials, InvalidToken
├── DeadlineExceeded ── BodyTooSlow
└── UnknownPath, MethodNotAllowed, UnsupportedEncoding, Overloaded, InternalError

`str(error)` tells the client what is wrong, what was given and what to do. It never contains a text
of the request; `hint` may contain the name of a field or of a model.
"""

from collections.abc import Collection, Sequence

from shared.shown import is_plain, json_type, printable


class Failure(Exception):
    """An error that a person can cause and repair; the command line prints it as one line.

    `exit_code` is the exit code of the command, `hint` a sentence on what to do.
    """

    exit_code = 1
    hint = ""


class TextfnError(Failure):
    """An error of a request. Each dialect puts it into its own words."""


class InvalidInput(TextfnError):
    """A wrong request. `path` is the JSON pointer (RFC 6901) of the wrong value."""

    path = "/"


class EmptyBody(InvalidInput):
    def __init__(self) -> None:
        super().__init__("The request has no body. Send a JSON object.")


class UnreadableRequest(InvalidInput):
    def __init__(self) -> None:
        super().__init__("The headers or the body are not UTF-8 text. Send them in UTF-8.")


class NotHttp(InvalidInput):
    def __init__(self) -> None:
        super().__init__(
            "This Lambda event is not an HTTP request. Invoke the function through API Gateway, "
            "a function URL or a load balancer."
        )


class NotJson(InvalidInput):
    """`reason` comes from the parser: it gives a position and quotes no text."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The body is not JSON: {reason}. Send a JSON object in UTF-8.")
        self.reason = reason


class MissingField(InvalidInput):
    """`alternatives` are sets of fields, best first; a request must have all fields of one set."""

    def __init__(self, *alternatives: Sequence[str], given: Collection[str] = ()) -> None:
        wanted = " or ".join(" and ".join(f'"{name}"' for name in names) for names in alternatives)
        super().__init__(f"The body lacks a required field. Send {wanted}.")
        self.alternatives = alternatives
        self.missing = [name for name in alternatives[0] if name not in given]
        strangers = [name for name in given if name not in alternatives[0] and is_plain(name)]
        if strangers:
            self.hint = f'Did you mean "{self.missing[0]}"? The body has "{strangers[0]}".'


class WrongType(InvalidInput):
    """`expected` and `actual` are names of JSON types: string, array, object, integer, ..."""

    def __init__(self, path: str, expected: Sequence[str], value: object) -> None:
        self.path, self.expected, self.actual = path, expected, json_type(value)
        super().__init__(f"{path} has the type {self.actual}. Send {' or '.join(expected)}.")


class TooShort(InvalidInput):
    def __init__(self, path: str, minimum: int = 1) -> None:
        self.path, self.minimum = path, minimum
        super().__init__(f"{path} is an empty string. Send at least {minimum} character.")


class TooLong(InvalidInput):
    """`given` is "<number>", or "<number> or more" if the text is too long to count."""

    path = "/inputs"

    def __init__(self, maximum: int, given: str) -> None:
        self.maximum, self.given = maximum, given
        super().__init__(
            f"A text has {given} tokens; this model takes {maximum}. "
            "Send a shorter text, or allow its truncation."
        )


class TooMany(InvalidInput):
    def __init__(self, path: str, maximum: int, given: int) -> None:
        self.path, self.maximum, self.given = path, maximum, given
        super().__init__(
            f"{path} has {given} items; one request may have {maximum}. Send several requests."
        )


class TooSmall(InvalidInput):
    def __init__(self, path: str, minimum: int) -> None:
        self.path, self.minimum = path, minimum
        super().__init__(f"{path} is too small. Send {minimum} or more.")


class Empty(InvalidInput):
    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"{path} has no items. Send at least one.")


class NotOneOf(InvalidInput):
    def __init__(self, path: str, allowed: Sequence[str]) -> None:
        self.path, self.allowed = path, allowed
        super().__init__(f"{path} has an unknown value. Send one of: {', '.join(allowed)}.")


class Unsupported(InvalidInput):
    """A valid option that this service does not have."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path


class InputTooLarge(TextfnError):
    """`maximum` and `given` are in bytes."""

    def __init__(self, maximum: int, given: int) -> None:
        super().__init__(
            f"The body has {given} bytes or more; one request may have {maximum}. "
            "Send the texts in several requests."
        )


class AnswerTooLarge(InputTooLarge):
    """`maximum` is the largest number of texts whose answer fits."""

    def __init__(self, maximum: int, given: int) -> None:
        TextfnError.__init__(
            self,
            f"The answer to {given} texts is too large for the gateway. "
            f"Send at most {maximum} texts per request.",
        )


class UnknownModel(TextfnError):
    """`model` is the name that was asked for; `close` are similar names."""

    def __init__(self, model: str, close: Sequence[str] = (), served: Sequence[str] = ()) -> None:
        self.model = printable(model)
        super().__init__(f"No such model {self.model} or task.")
        likely = [f"Did you mean {' or '.join(close)}?"] if close else []
        self.hint = " ".join([*likely, f"Models served here: {', '.join(served) or 'none'}."])


class ModelNotInstalled(UnknownModel):
    """`command` installs it."""

    def __init__(self, model: str, command: str) -> None:
        super().__init__(model)
        self.args = (f"The model {self.model} is not installed. Install it: `{command}`.",)
        self.hint = ""


class AccessDenied(TextfnError):
    def __init__(self, message: str = "The API token is not valid here. Send one that is.") -> None:
        super().__init__(message)


class MissingCredentials(AccessDenied):
    def __init__(self) -> None:
        super().__init__(
            "The request has no API token. Send the header Authorization: Bearer <token>."
        )


class InvalidToken(AccessDenied):
    """A client asked to verify an API token, and it is not valid."""


class UnknownPath(TextfnError):
    def __init__(self, path: str, close: str | None = None) -> None:
        self.path = printable(path)
        super().__init__(f"Nothing is served at {self.path}.")
        if close:
            self.hint = f"Did you mean {close}?"


class MethodNotAllowed(TextfnError):
    def __init__(self, allowed: str) -> None:
        self.allowed = allowed
        super().__init__(f"This path does not answer the method of the request. Send {allowed}.")


class UnsupportedEncoding(TextfnError):
    """`encoding` is the Content-Encoding of the request."""

    def __init__(self, encoding: str) -> None:
        self.encoding = printable(encoding)
        super().__init__(
            f"The body has the Content-Encoding {self.encoding}; bodies are not decompressed here. "
            "Send plain JSON without that header."
        )


class Overloaded(TextfnError):
    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"Too many requests are waiting. Try again in {retry_after} s.")


class DeadlineExceeded(TextfnError):
    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The answer would take longer than {seconds:g} s. Send fewer or shorter texts."
        )


class BodyTooSlow(DeadlineExceeded):
    def __init__(self, seconds: float) -> None:
        TextfnError.__init__(
            self, f"The body did not arrive within {seconds:g} s. Send it without pauses."
        )


class InternalError(TextfnError):
    """An unknown exception; only the log says more."""

    def __init__(self) -> None:
        super().__init__("Internal server error.")
