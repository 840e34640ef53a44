"""A request's body: read within its limits and parsed as JSON."""

import asyncio
import re
from typing import Any

import orjson
from starlette.requests import Request

from shared import errors
from shared.settings import settings


async def json_object(request: Request) -> dict[str, Any]:
    """The body, whatever its Content-Type says; asked twice, it is read once.

    Raises UnsupportedEncoding, BodyTooSlow, EmptyBody, InputTooLarge, NotJson or WrongType.
    """
    if not hasattr(request.state, "body"):
        request.state.body = _parse(await _read(request))
    body: dict[str, Any] = request.state.body
    return body


async def _read(request: Request) -> bytes:
    """The body, if it is of a size and at a speed that are served; a declared size is believed."""
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() not in ("identity", ""):
        raise errors.UnsupportedEncoding(encoding)
    declared = request.headers.get("content-length", "")
    if re.fullmatch("[0-9]+", declared):
        _check_size(int(declared[:18]))
    try:
        async with asyncio.timeout(settings.deadline_seconds):
            return await _all_of(request)
    except TimeoutError:
        raise errors.BodyTooSlow(settings.deadline_seconds) from None


async def _all_of(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        _check_size(len(body))
    return bytes(body)


def _check_size(given: int) -> None:
    if given > settings.max_body_bytes:
        raise errors.InputTooLarge(settings.max_body_bytes, given)


def _parse(content: bytes) -> dict[str, Any]:
    if not content.strip():
        raise errors.EmptyBody
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise errors.NotJson(str(error)) from None
    if not isinstance(body, dict):
        raise errors.WrongType("/", ["object"], body)
    return body
