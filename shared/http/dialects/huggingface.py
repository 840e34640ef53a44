"""The Hugging Face Inference API: paths old and new, bare answers, `{"error": ...}`."""

from collections.abc import Mapping
from typing import Any

from shared import errors
from shared.errors import TextfnError
from shared.http.dialects.dialect import ErrorSchema, Path, for_error
from shared.http.dialects.known_fields import FieldRules

TITLE = "Hugging Face"
# A bare URL names a model and leaves the task to the body; huggingface_hub before 0.28 puts the
# pipeline first; the router's URLs have /hf-inference in front.
BARE = ("/models/{model:path}", "/hf-inference/models/{model:path}")

STATUS: dict[type[TextfnError], int] = {
    errors.InvalidInput: 400,
    errors.InputTooLarge: 413,
    errors.UnknownModel: 404,
    errors.AccessDenied: 401,
    errors.UnknownPath: 404,
    errors.MethodNotAllowed: 405,
    errors.UnsupportedEncoding: 415,
    errors.Overloaded: 429,
    errors.DeadlineExceeded: 408,
    errors.InternalError: 500,
}

ONE, SEVERAL = {"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 2}
ERROR = ErrorSchema(
    "HuggingFaceError",
    {
        "type": "object",
        "properties": {"error": {"oneOf": [ONE, SEVERAL]}},
        "required": ["error"],
    },
)

# pydantic's words for JSON's types, as api-inference-community prints them.
KINDS = {"array": "list", "object": "dictionary"}


PIPELINES = ("feature-extraction", "sentence-similarity", "text-classification")


def pipeline(task: str) -> tuple[str, ...]:
    """Return the paths that name a task."""
    return (
        f"/models/{{model:path}}/pipeline/{task}",
        f"/hf-inference/models/{{model:path}}/pipeline/{task}",
        f"/pipeline/{task}/{{model:path}}",
    )


PATHS = (
    *(Path(pattern, "bare") for pattern in BARE),
    *(Path(pattern, task) for task in PIPELINES for pattern in pipeline(task)),
)

CUT = ("truncate", "truncation_direction")
FIELDS: Mapping[str, FieldRules] = {
    "text-embeddings": FieldRules(
        ("inputs", "normalize", "dimensions", "prompt_name", *CUT),
        ("model",),  # the path names it
        parameters=True,
    ),
    "sentence-similarity": FieldRules(
        ("inputs", "source_sentence", "sourceSentence", "sentences", *CUT),
        ("model", "normalize"),  # a cosine is the same
        parameters=True,
    ),
    "text-classification": FieldRules(
        ("inputs", "top_k", "function_to_apply", "return_all_scores", *CUT),
        ("model", "normalize"),
        parameters=True,
    ),
}


def owns(path: str) -> bool:
    return path.startswith(("/models", "/hf-inference", "/pipeline"))


def error(error: TextfnError, request_id: str) -> tuple[int, dict[str, Any]]:
    """Give one error as a string, several as a list: JavaScript clients show strings only."""
    found = _messages(error)
    return for_error(STATUS, error), {"error": found[0] if len(found) == 1 else found}


def headers(seconds: float) -> dict[str, str]:
    """Return the headers in which the service tells the time of a computation, in seconds."""
    return {
        "x-compute-type": "cpu",
        "x-compute-time": f"{seconds:.3f}",
        "access-control-expose-headers": "x-compute-type, x-compute-time",
    }


def _messages(error: TextfnError) -> list[str]:
    match error:
        case errors.MissingField():
            return [_validator("Field required", name) for name in error.missing]
        case errors.WrongType():
            kinds = " or ".join(KINDS.get(kind, kind) for kind in error.expected)
            return [_validator(f"Input should be a valid {kinds}", error.path)]
        case errors.Empty():
            what = "The inputs are invalid, at least one input is required"
            return [f"Value error, {what}: received `[]` in `parameters`"]
        case errors.AccessDenied():
            return ["Invalid credentials in Authorization header"]
    return [" ".join(text for text in (str(error), error.hint) if text)]


def _validator(phrase: str, path: str) -> str:
    return f"{phrase}: received `{path.strip('/') or 'body'}` in `parameters`"
