"""A request's body: read within its limits and parsed as JSON."""

import asyncio
import re
from typing import Any

import orjson
from starlette.requests import Request

from shared import errors
from shared.http.fields import Fields
from shared.http.service import service
from shared.settings import Settings


async def read_fields(request: Request) -> Fields:
    """Read the fields of the body, whatever its Content-Type says.

    Raises UnsupportedEncoding, BodyTooSlow, EmptyBody, InputTooLarge, NotJson or WrongType.
    """
    return Fields(_parse(await _read(request, service(request).settings)))


async def _read(request: Request, settings: Settings) -> bytes:
    """Read the body within the limits of size and time. A larger declared size ends it at once."""
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() not in ("identity", ""):
        raise errors.UnsupportedEncoding(encoding)
    declared = request.headers.get("content-length", "")
    if re.fullmatch("[0-9]+", declared):
        _check_size(int(declared[:18]), settings.max_body_bytes)
    try:
        async with asyncio.timeout(settings.deadline_seconds):
            return await _all_of(request, settings.max_body_bytes)
    except TimeoutError:
        raise errors.BodyTooSlow(settings.deadline_seconds) from None


async def _all_of(request: Request, most: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        _check_size(len(body), most)
    return bytes(body)


def _check_size(given: int, most: int) -> None:
    if given > most:
        raise errors.InputTooLarge(most, given)


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
