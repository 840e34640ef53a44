"""Cloudflare's API v4: the envelope and the errors of Workers AI."""

import copy
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from shared import errors
from shared.errors import TextfnError
from shared.http.dialects.dialect import ErrorSchema, Path, for_error
from shared.http.dialects.known_fields import FieldRules
from shared.manifest import Manifest
from shared.settings import Settings

TITLE = "Cloudflare Workers AI"
ACCOUNT = "/client/v4/accounts/{account}"
GATEWAY = "/v1/{account}/{gateway}"
SEARCH = ACCOUNT + "/ai/models/search"
SCHEMA = ACCOUNT + "/ai/models/schema"
VERIFY = ("/client/v4/user/tokens/verify", ACCOUNT + "/tokens/verify")

RUN_NAMED = ACCOUNT + "/ai/run"  # the body names the model
RUN = (
    ACCOUNT + "/ai/run/{model:path}",
    GATEWAY + "/workers-ai/run/{model:path}",
    GATEWAY + "/workers-ai/{model:path}",
)
PATHS = (
    *(Path(pattern, "run") for pattern in RUN),
    Path(RUN_NAMED, "run-named"),
    Path(SEARCH, "search", "GET"),
    Path(SCHEMA, "schema", "GET"),
    *(Path(pattern, "verify", "GET") for pattern in VERIFY),
)
FIELDS: Mapping[str, FieldRules] = {
    "text-embeddings": FieldRules(
        ("text", "pooling", "dimensions", "truncate_inputs"),
        ("model",),  # the path names it
    ),
    "sentence-similarity": FieldRules(("source", "text", "sentences"), ("model", "normalize")),
    "text-classification": FieldRules(("text",), ("model", "normalize")),
}
GATEWAY_TO_WORKERS_AI = re.compile("/v1/[^/]+/[^/]+/workers-ai(?!/v1/)(/|$)")

# https://developers.cloudflare.com/workers-ai/platform/errors/ and, for 5006, 10000, 9106 and 7003,
# answers of the service seen in public.
STATUS_AND_CODE: dict[type[TextfnError], tuple[int, int]] = {
    errors.InvalidInput: (400, 5006),
    errors.EmptyBody: (400, 3003),
    errors.InputTooLarge: (413, 3006),
    errors.UnknownModel: (400, 5007),
    errors.AccessDenied: (401, 10000),
    errors.MissingCredentials: (400, 9106),
    errors.InvalidToken: (401, 1000),
    errors.UnknownPath: (404, 7003),
    errors.MethodNotAllowed: (405, 10405),
    errors.UnsupportedEncoding: (415, 10415),
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
    errors.InvalidToken: "Invalid API Token",
    errors.MissingCredentials: "Missing X-Auth-Key, X-Auth-Email or Authorization headers",
    errors.UnknownPath: "Could not route to {path}, perhaps your object identifier is invalid?",
    errors.MethodNotAllowed: "Method not allowed",
    errors.UnsupportedEncoding: "Unsupported media type",
    errors.Overloaded: "Capacity temporarily exceeded, please try again.",
    errors.DeadlineExceeded: "Request timeout",
    errors.InternalError: "Internal server error",
}

# The words of the schema validator, code 5006. Those of `maxItems`, `enum` and `minimum` were never
# seen; ours follow the others.
VALIDATOR: dict[type[TextfnError], str] = {
    errors.UnreadableRequest: "SyntaxError: headers or body are not UTF-8 text",
    errors.NotHttp: "Error: not a request",
    errors.NotJson: "SyntaxError: {reason}",
    errors.WrongType: "Error: Type mismatch of '{path}', '{expected}' not in '{actual}'",
    errors.TooShort: "Error: Length of '{path}' must be >= {minimum} not met",
    errors.TooLong: "Error: Sequence too long: {given} > {maximum}",
    errors.TooSmall: "Error: '{path}' must be >= {minimum}",
    errors.Empty: "Error: Length of '{path}' must be >= 1 not met",
    errors.TooMany: "Error: Length of '{path}' must be <= {maximum} not met",
    errors.NotOneOf: "Error: '{path}' must be one of '{allowed}'",
    errors.Unsupported: "Error: '{path}' is not supported",
}

CODE_AND_MESSAGE = {
    "type": "object",
    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
    "required": ["code", "message"],
}
ERROR = ErrorSchema(
    "CloudflareError",
    {
        "type": "object",
        "properties": {
            "result": {"type": ["object", "null"]},
            "success": {"const": False},
            "errors": {"type": "array", "items": CODE_AND_MESSAGE, "minItems": 1},
            "messages": {"type": "array", "items": CODE_AND_MESSAGE},
        },
        "required": ["result", "success", "errors", "messages"],
    },
)

# Cloudflare's names and ids of the tasks; it lists no model of the last, so its id is our own.
TASKS = {
    "text-embeddings": ("Text Embeddings", "0137cdcf-162a-4108-94f2-1ca59e8c65ee"),
    "text-classification": ("Text Classification", "19606750-23ed-4371-aab2-c20349b53a60"),
    "sentence-similarity": ("Sentence Similarity", "b2b9cb18-2ee1-5e35-a4a5-2ab1a1d2b8f6"),
}


def poolings(manifest: Manifest) -> list[str]:
    """The kinds of pooling of a model, Workers AI's default first: mean, if the model has it."""
    return sorted(manifest.pooling, key=lambda each: each != "mean")


def owns(path: str) -> bool:
    if path.startswith("/client/v4/") or path == "/client/v4":
        return "/ai/v1/" not in path
    return GATEWAY_TO_WORKERS_AI.match(path) is not None


def success(result: Any) -> dict[str, Any]:
    """Return Cloudflare's envelope around a result."""
    return {"result": result, "success": True, "errors": [], "messages": []}


def active(token: str) -> dict[str, Any]:
    """Return the answer about a valid API token. `token` is its id."""
    message = {"code": 10000, "message": "This API Token is valid and active", "type": None}
    return {**success({"id": token, "status": "active"}), "messages": [message]}


def paged(items: Sequence[Any], page: int, per_page: int) -> dict[str, Any]:
    """Return one page of a list. A page past the last is empty: clients ask until they get one."""
    shown = items[(page - 1) * per_page : page * per_page]
    info = {"page": page, "per_page": per_page, "count": len(shown), "total_count": len(items)}
    return {**success(shown), "result_info": info}


def model(manifest: Manifest) -> dict[str, Any]:
    """Return a model as Cloudflare lists it; the values of properties are strings."""
    name = next((each for each in manifest.names if each.startswith("@")), manifest.id)
    title, id = TASKS[manifest.tasks[0]]
    properties = {
        "max_input_tokens": manifest.max_tokens,
        "output_dimensions": manifest.dimensions,
        "stands_in_for": ", ".join(manifest.stands_in_for),
        "info": manifest.source,
    }
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "source": 1,
        "name": name,
        "description": manifest.description,
        "task": {"id": id, "name": title, "description": ""},
        "created_at": "1970-01-01 00:00:00.000",
        "tags": [],
        "properties": [
            {"property_id": each, "value": str(value)}
            for each, value in properties.items()
            if value
        ],
    }


def schemas(
    task: str, manifest: Manifest, general: Mapping[str, Any], settings: Settings
) -> dict[str, Any]:
    """The JSON Schemas of a model's input and output: `general` ones, with what the model takes."""
    name = TASKS[task][0].replace(" ", "")
    input, output = (copy.deepcopy(general[f"{name}{side}"]) for side in ("Input", "Output"))
    for field in (input["properties"].get(each, {}) for each in ("text", "sentences")):
        for array in [field, *field.get("oneOf", [])]:
            if "maxItems" in array:
                array["maxItems"] = settings.max_texts
    if task == "text-embeddings":
        known = poolings(manifest)
        input["properties"]["pooling"] |= {"enum": known, "default": known[0]}
        output["properties"]["pooling"]["enum"] = known
        input["properties"]["dimensions"]["const"] = manifest.dimensions
    return {"input": input, "output": output}


def error(error: TextfnError, request_id: str) -> tuple[int, dict[str, Any]]:
    """Give the service's own words in `errors`, and ours with the hint in `messages`."""
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
