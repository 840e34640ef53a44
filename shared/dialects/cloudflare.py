"""Cloudflare's API v4: the envelope and the errors of Workers AI."""

from typing import Any

from shared import errors
from shared.errors import TextfnError, for_error

ACCOUNT = "/client/v4/accounts/{account}"
RUN = ACCOUNT + "/ai/run/{model:path}"
PATHS = (RUN,)

# https://developers.cloudflare.com/workers-ai/platform/errors/ and, for 5006, 10000, 9106 and 7003,
# answers of the service seen in public.
STATUS_AND_CODE: dict[type[TextfnError], tuple[int, int]] = {
    errors.InvalidInput: (400, 5006),
    errors.EmptyBody: (400, 3003),
    errors.InputTooLarge: (413, 3006),
    errors.UnknownModel: (400, 5007),
    errors.AccessDenied: (401, 10000),
    errors.MissingCredentials: (400, 9106),
    errors.UnknownPath: (404, 7003),
    errors.MethodNotAllowed: (405, 10405),
    errors.Overloaded: (429, 3040),
    errors.DeadlineExceeded: (408, 3007),
    errors.InternalError: (500, 5000),
}

# The service's own words, which clients and people search for; ours are in `messages`.
WORDS: dict[type[TextfnError], str] = {
    errors.EmptyBody: "Request is missing headers or body: body",
    errors.InputTooLarge: "Request is too large",
    errors.UnknownModel: "No such model {model} or task",
    errors.AccessDenied: "Authentication error",
    errors.MissingCredentials: "Missing X-Auth-Key, X-Auth-Email or Authorization headers",
    errors.UnknownPath: "Could not route to {path}, perhaps your object identifier is invalid?",
    errors.MethodNotAllowed: "Method not allowed",
    errors.Overloaded: "Capacity temporarily exceeded, please try again.",
    errors.DeadlineExceeded: "Request timeout",
    errors.InternalError: "Internal server error",
}

# The schema validator's grammar, code 5006. `maxItems` and `enum` were never seen: ours are alike.
VALIDATOR: dict[type[TextfnError], str] = {
    errors.NotJson: "SyntaxError: {reason}",
    errors.WrongType: "Error: Type mismatch of '{path}', '{expected}' not in '{actual}'",
    errors.TooShort: "Error: Length of '{path}' must be >= {minimum} not met",
    errors.TooMany: "Error: Length of '{path}' must be <= {maximum} not met",
    errors.NotOneOf: "Error: '{path}' must be one of '{allowed}'",
    errors.Unsupported: "Error: '{path}' is not supported",
}


def success(result: Any) -> dict[str, Any]:
    return {"result": result, "success": True, "errors": [], "messages": []}


def error(error: TextfnError, request_id: str) -> tuple[int, dict[str, Any]]:
    status, code = for_error(STATUS_AND_CODE, error)
    found = [{"code": code, "message": _message(error, request_id)}]
    if isinstance(error, errors.UnknownPath):
        found.append({"code": 7000, "message": "No route for that URI"})
    help = [{"code": code, "message": text} for text in (str(error), error.hint) if text]
    return status, {
        "result": {} if isinstance(error, errors.InvalidInput) else None,
        "success": False,
        "errors": found,
        "messages": help,
    }


def headers(seconds: float) -> dict[str, str]:
    return {}


def _message(error: TextfnError, request_id: str) -> str:
    if isinstance(error, errors.MissingField):
        return f"AiError: Bad input: Error: {_missing(error)} ({request_id})"
    values = {
        name: ",".join(value) if isinstance(value, tuple | list) else value
        for name, value in vars(error).items()
    }
    if isinstance(error, errors.InvalidInput) and not isinstance(error, errors.EmptyBody):
        what = for_error(VALIDATOR, error).format(**values)
        return f"AiError: Bad input: {what} ({request_id})"
    return for_error(WORDS, error).format(**values)


def _missing(error: errors.MissingField) -> str:
    each = [f"required properties at '/' are '{','.join(names)}'" for names in error.alternatives]
    return each[0] if len(each) == 1 else f"oneOf at '/' not met, 0 matches: {', '.join(each)}"
