"""Any exception as one of our errors, and what HTTP says to clients beside its body."""

import logging
import re

from starlette.exceptions import HTTPException

from shared import errors
from shared.errors import TextfnError
from shared.http import telemetry
from shared.http.dialects import cloudflare, huggingface, openai, tei

log = logging.getLogger("textfn")


def named(error: Exception, path: str) -> TextfnError:
    """Any exception by one of our names. What has none is logged whole, its text told to nobody."""
    if isinstance(error, TextfnError):
        return error
    if isinstance(error, HTTPException) and error.status_code == 404:
        return errors.UnknownPath(path, _close(path))
    if isinstance(error, HTTPException) and error.status_code == 405:
        return errors.MethodNotAllowed((error.headers or {}).get("Allow", "POST"))
    log.error("unforeseen error: %s", telemetry.place(error))
    return errors.InternalError()


def _close(path: str) -> str | None:
    from difflib import get_close_matches  # only a wrong path pays for the import

    paths = [*cloudflare.PATHS, *huggingface.PATHS, *openai.PATHS, *tei.PATHS]
    shown = [re.sub(r":path", "", pattern) for pattern in paths]
    return next(iter(get_close_matches(path, shown, n=1)), None)


def retry(error: TextfnError) -> dict[str, str]:
    """What HTTP says to clients beside the body; x-should-retry is Cloudflare's SDKs' header."""
    match error:
        case errors.MethodNotAllowed():
            return {"allow": error.allowed}
        case errors.UnsupportedEncoding():
            return {"accept-encoding": "identity"}  # RFC 7694: what would be read
        case errors.Overloaded():
            return {"retry-after": str(error.retry_after), "x-should-retry": "true"}
        case errors.DeadlineExceeded() | errors.InputTooLarge():
            return {"x-should-retry": "false"}
        case errors.AccessDenied():
            return {"www-authenticate": "Bearer"}
    return {}
