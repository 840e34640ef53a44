"""Exceptions as errors of a request, and the headers that tell a client what to do next."""

import logging
import re

from starlette.exceptions import HTTPException

from shared import errors
from shared.errors import TextfnError
from shared.http import dialects, telemetry

log = logging.getLogger("textfn")
MOST_CHARACTERS = 200  # of a path that is compared with those that are served


def named(error: Exception, path: str, request_id: str) -> TextfnError:
    """Return the TextfnError of an exception.

    An unknown exception is logged with its type and place; the client sees a fixed message.
    """
    if isinstance(error, TextfnError):
        return error
    if isinstance(error, HTTPException) and error.status_code == 404:
        return errors.UnknownPath(path, _close(path))
    if isinstance(error, HTTPException) and error.status_code == 405:
        return errors.MethodNotAllowed((error.headers or {}).get("Allow", "POST"))
    log.error("unknown error in request %s: %s", request_id, telemetry.place(error))
    return errors.InternalError()


def _close(path: str) -> str | None:
    """Return the path of a dialect that looks most like this one."""
    if len(path) > MOST_CHARACTERS:
        return None
    from difflib import get_close_matches  # only a wrong path pays for the import

    shown = [re.sub(":path", "", each.pattern) for each in dialects.paths()]
    return next(iter(get_close_matches(path, shown, n=1)), None)


def headers(error: TextfnError) -> dict[str, str]:
    """Return the headers of an error. OpenAI's and Cloudflare's SDKs read `x-should-retry`."""
    match error:
        case errors.MethodNotAllowed():
            return {"allow": error.allowed}
        case errors.UnsupportedEncoding():
            return {"accept-encoding": "identity"}  # RFC 7694: the encodings that are read
        case errors.Overloaded():
            return {"retry-after": str(error.retry_after), "x-should-retry": "true"}
        case errors.DeadlineExceeded() | errors.InputTooLarge():
            return {"x-should-retry": "false"}
        case errors.AccessDenied():
            return {"www-authenticate": "Bearer"}
    return {}
