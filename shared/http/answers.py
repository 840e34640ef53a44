"""What is sent back: JSON, with headers that say what it took."""

from typing import Any

import orjson
from starlette.responses import Response

from shared import errors
from shared.inference.result import Result
from shared.settings import ON_LAMBDA

ANSWER_BYTES = 6_291_556 - 4096  # what Lambda takes back, less headers and envelope


def answer(body: Any, result: Result | None = None, status: int = 200) -> Response:
    """JSON in which float32 numbers are the shortest decimals that give them back.

    The headers name the model and say what the result took.
    """
    content = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
    response = Response(content, status, media_type="application/json")
    if result is not None:
        response.headers["textfn-model"] = result.model
        response.headers["textfn-tokens"] = str(result.tokens)
        response.headers["textfn-truncated"] = str(result.truncated)
        response.headers["x-compute-type"] = "cache" if result.cached else "cpu"
        response.headers["server-timing"] = (
            f"tokenize;dur={result.tokenize_seconds * 1000:.2f}, "
            f"infer;dur={result.infer_seconds * 1000:.2f}"
        )
    return response


def fits(items: int, bytes_each: int) -> None:
    """Raises AnswerTooLarge for what Lambda could not give back, before it is computed."""
    if ON_LAMBDA and items * bytes_each > ANSWER_BYTES:
        raise errors.AnswerTooLarge(ANSWER_BYTES // bytes_each, items)
