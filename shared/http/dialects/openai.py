"""OpenAI's embeddings API, at /v1 and where Workers AI and AI Gateway have it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from shared import errors
from shared.errors import TextfnError
from shared.http.dialects import cloudflare
from shared.http.dialects.dialect import ErrorSchema, Path, for_error
from shared.http.dialects.known_fields import FieldRules
from shared.manifest import Manifest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TITLE = "OpenAI"
# Text Embeddings Inference has these two paths and one model, so a request need not name it.
SERVER = ("/v1/embeddings", "/embeddings")
EMBEDDINGS = (
    *SERVER,
    cloudflare.ACCOUNT + "/ai/v1/embeddings",
    cloudflare.GATEWAY + "/workers-ai/v1/embeddings",
    cloudflare.GATEWAY + "/compat/embeddings",
)
MODELS = ("/v1/models", cloudflare.ACCOUNT + "/ai/v1/models")
PATHS = (
    *(Path(pattern, "embeddings") for pattern in EMBEDDINGS),
    *(Path(pattern, "models", "GET") for pattern in MODELS),
    *(Path(pattern + "/{model:path}", "model", "GET") for pattern in MODELS),
)
FIELDS: Mapping[str, FieldRules] = {
    "text-embeddings": FieldRules(("model", "input", "encoding_format", "dimensions"))
}

# https://platform.openai.com/docs/guides/error-codes: status, type and code.
STATUS_TYPE_CODE: dict[type[TextfnError], tuple[int, str, str | None]] = {
    errors.InvalidInput: (400, "invalid_request_error", None),
    errors.InputTooLarge: (413, "invalid_request_error", None),
    errors.UnknownModel: (404, "invalid_request_error", "model_not_found"),
    errors.AccessDenied: (401, "invalid_request_error", "invalid_api_key"),
    errors.UnknownPath: (404, "invalid_request_error", "unknown_url"),
    errors.MethodNotAllowed: (405, "invalid_request_error", "method_not_supported"),
    errors.UnsupportedEncoding: (415, "invalid_request_error", None),
    errors.Overloaded: (429, "requests", "rate_limit_exceeded"),
    errors.DeadlineExceeded: (408, "server_error", None),
    errors.InternalError: (500, "server_error", None),
}

ERROR = ErrorSchema(
    "OpenAIError",
    {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "message": {"type": "string"},
                    "type": {"type": "string"},
                    "param": {"type": ["string", "null"]},
                    "code": {"type": ["string", "null"]},
                },
                "required": ["message", "type", "param", "code"],
            },
            "errors": {"type": "array", "items": cloudflare.CODE_AND_MESSAGE},
        },
        "required": ["error", "errors"],
    },
)


def owns(path: str) -> bool:
    if path.startswith("/client/v4/"):
        return "/ai/v1/" in path
    return path.startswith("/v1/") or path == "/embeddings"


def pooling(pattern: str, manifest: Manifest) -> str:
    """Cloudflare's default on a route that Cloudflare has, the model's own on the others."""
    of_cloudflare = pattern.startswith((cloudflare.ACCOUNT, cloudflare.GATEWAY))
    return cloudflare.poolings(manifest)[0] if of_cloudflare else manifest.pooling[0]


def embeddings(
    model: str, vectors: NDArray[np.float32], encoding: str, tokens: int
) -> dict[str, Any]:
    """Return the list of embedding objects of vectors [texts, dimensions].

    Base64 holds little-endian float32.
    """
    data = [_base64(vector) for vector in vectors] if encoding == "base64" else vectors
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": each}
            for index, each in enumerate(data)
        ],
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def models(names: Iterable[str]) -> dict[str, Any]:
    """Return the list of model objects."""
    return {"object": "list", "data": [model(name) for name in names]}


def model(name: str) -> dict[str, Any]:
    """Return a model object. The field `created` is required, but no model has it."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "textfn"}


def error(error: TextfnError, request_id: str) -> tuple[int, dict[str, Any]]:
    """Return both bodies in one: OpenAI's clients read `error`, Cloudflare's read `errors`."""
    status, kind, code = for_error(STATUS_TYPE_CODE, error)
    message = " ".join(text for text in (str(error), error.hint) if text)
    param = error.path.strip("/") if isinstance(error, errors.InvalidInput) else ""
    _, envelope = cloudflare.error(error, request_id)
    found = {"message": message, "type": kind, "param": param or None, "code": code}
    return status, {"error": found, **envelope}


def headers(seconds: float) -> dict[str, str]:
    return {}


def _base64(vector: NDArray[np.float32]) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()
