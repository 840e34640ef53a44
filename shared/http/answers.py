"""Answers: JSON, with headers that name the model and the cost of the answer."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from shared import errors
from shared.http.service import service
from shared.inference.result import Result


def answer(body: Any, result: Result | None = None, status: int = 200) -> Response:
    """Return a JSON response. Each float32 is the shortest decimal that reads back as the same.

    With a result, headers name the model and give its tokens, its truncated texts and its times.
    """
    content = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
    response = Response(content, status, media_type="application/json")
    if result is not None:
        stand_in = f"; stand-in for {result.stand_in_for}" if result.stand_in_for else ""
        response.headers["textfn-model"] = f"{result.model}{stand_in}"
        response.headers["textfn-tokens"] = str(result.tokens)
        response.headers["textfn-truncated"] = str(result.truncated)
        response.headers["x-compute-type"] = "cache" if result.cached else "cpu"
        response.headers["server-timing"] = (
            f"tokenize;dur={result.tokenize_seconds * 1000:.2f}, "
            f"infer;dur={result.infer_seconds * 1000:.2f}"
        )
    return response


def check_answer_fits(request: Request, items: int, bytes_each: int) -> None:
    """Raise AnswerTooLarge if the host cannot send back so many items. Call it before computing."""
    most = service(request).host.most_answer_bytes
    if items * bytes_each > most:
        raise errors.AnswerTooLarge(int(most) // bytes_each, items)
