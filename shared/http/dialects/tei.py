"""Hugging Face's Text Embeddings Inference: one model per server, so the paths name none."""

from collections.abc import Mapping
from typing import Any

from shared import errors
from shared.errors import TextfnError
from shared.http.dialects.dialect import ErrorSchema, Path, for_error
from shared.http.dialects.known_fields import FieldRules
from shared.manifest import Manifest
from shared.settings import Settings
from shared.version import VERSION

TITLE = "Text Embeddings Inference"
EMBED, SIMILARITY, PREDICT, TOKENIZE = POSTED = ("/embed", "/similarity", "/predict", "/tokenize")
INFO = "/info"
# The root of a server of one model, as Inference Endpoints and SageMaker ask it.
ROOT = ("/", "/invocations")
PATHS = (
    *(Path(pattern, pattern.strip("/")) for pattern in POSTED),
    *(Path(pattern, "root") for pattern in ROOT),
    Path(INFO, "info", "GET"),
    Path("/ping", "ping", "GET"),
)
CUT = ("truncate", "truncation_direction")
FIELDS: Mapping[str, FieldRules] = {
    "text-embeddings": FieldRules(("inputs", "normalize", "dimensions", "prompt_name", *CUT)),
    "sentence-similarity": FieldRules(
        ("inputs", "prompt_name", *CUT), ("normalize",), parameters=True
    ),
    "text-classification": FieldRules(("inputs", "raw_scores", *CUT), ("normalize",)),
    "tokenize": FieldRules(("inputs", "add_special_tokens"), ("normalize", "dimensions")),
}

# From router/src/http/server.rs, which has no errors for an unknown model, an API token or a
# deadline; ours follow the others.
STATUS_AND_TYPE: dict[type[TextfnError], tuple[int, str]] = {
    errors.InvalidInput: (422, "Validation"),
    errors.Empty: (400, "Empty"),
    errors.TooShort: (400, "Empty"),
    errors.InputTooLarge: (413, "Validation"),
    errors.UnknownModel: (404, "Validation"),
    errors.AccessDenied: (401, "Validation"),
    errors.UnknownPath: (404, "Validation"),
    errors.MethodNotAllowed: (405, "Validation"),
    errors.UnsupportedEncoding: (415, "Validation"),
    errors.Overloaded: (429, "Overloaded"),
    errors.DeadlineExceeded: (408, "Overloaded"),
    errors.InternalError: (424, "Backend"),
}

WORDS: dict[type[TextfnError], str] = {
    errors.Empty: "Input validation error: `{field}` cannot be empty",
    errors.TooShort: "Input validation error: `{field}` cannot be empty",
    errors.TooLong: "Input validation error: `{field}` must have less than {maximum} tokens. "
    "Given: {given}",
    errors.TooMany: "Input validation error: batch size {given} > maximum allowed batch size "
    "{maximum}",
    errors.InvalidInput: "Input validation error: {text}",
    errors.Overloaded: "Model is overloaded",
    errors.TextfnError: "{text}",
}

ERROR = ErrorSchema(
    "ServerError",
    {
        "type": "object",
        "properties": {
            "error": {"type": "string"},
            "error_type": {"enum": ["Validation", "Empty", "Overloaded", "Backend"]},
        },
        "required": ["error", "error_type"],
    },
)

POOLINGS = {"last": "last_token"}  # a manifest's word -> the original's
OWN = frozenset(each.pattern for each in PATHS)


def owns(path: str) -> bool:
    return path in OWN


def info(manifest: Manifest, settings: Settings) -> dict[str, Any]:
    """Return one model and the limits, as GET /info of the original returns them."""
    labels = {str(index): label for index, label in enumerate(manifest.labels)}
    classifier = {"id2label": labels, "label2id": {labels[id]: int(id) for id in labels}}
    pooling = "".join(manifest.pooling[:1])
    embedding = {"pooling": POOLINGS.get(pooling, pooling)}
    return {
        "model_id": manifest.id,
        "model_sha": manifest.fingerprint("".join(manifest.pooling[:1])),
        "model_dtype": "float32" if manifest.optimize else "int8",
        "model_type": {"classifier": classifier} if labels else {"embedding": embedding},
        "max_concurrent_requests": settings.max_waiting,
        "max_input_length": manifest.max_tokens,
        "max_batch_tokens": max(settings.token_budget, manifest.max_tokens),
        "max_batch_requests": None,
        "max_client_batch_size": 2048,
        "auto_truncate": True,
        "tokenization_workers": settings.threads,
        "version": VERSION,
        "sha": None,
        "docker_label": None,
    }


def error(error: TextfnError, request_id: str) -> tuple[int, dict[str, Any]]:
    status, kind = for_error(STATUS_AND_TYPE, error)
    text = " ".join(text for text in (str(error), error.hint) if text)
    field = (
        error.path.strip("/").replace("/", ".") if isinstance(error, errors.InvalidInput) else ""
    )
    words = for_error(WORDS, error).format(**{**vars(error), "text": text, "field": field})
    return status, {"error": words, "error_type": kind}


def headers(seconds: float) -> dict[str, str]:
    """Return the headers in which the service tells the time, in whole milliseconds."""
    milliseconds = f"{seconds * 1000:.0f}"
    return {"x-compute-type": "cpu", "x-compute-time": milliseconds, "x-total-time": milliseconds}
