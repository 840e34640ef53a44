"""HTTP at both ends of a handler: a body in, an answer out, and every error in its dialect."""

import asyncio
import contextlib
import functools
import logging
import re
import threading
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import orjson
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import errors
from shared.errors import TextfnError
from shared.http import access, dialects, telemetry
from shared.http.dialects import cloudflare, huggingface, openai, tei
from shared.http.tokens import tokens
from shared.inference.cache import NO_CACHE, Cache, Mine
from shared.inference.result import Result
from shared.settings import ON_LAMBDA, settings

T = TypeVar("T")
Endpoint = Callable[[Request], Awaitable[Response]]
log = logging.getLogger("textfn")
ANSWER_BYTES = 6_291_556 - 4096  # what Lambda takes back, less headers and envelope
_cache = Cache(settings.cache_mb * 2**20)
# Few threads: each may keep the interpreter for 5 ms while the event loop waits for its turn.
_turns = ThreadPoolExecutor(8, "turn")
_places = threading.Semaphore(settings.max_waiting)  # requests computed or waiting to be


def application(*routes: Route) -> Starlette:
    """An ASGI application in which nothing fails without an answer in the caller's dialect."""

    async def reraise(request: Request, error: Exception) -> Response:
        raise error

    made = Starlette(
        routes=routes,
        middleware=[Middleware(Edge)],
        exception_handlers={HTTPException: reraise},
    )
    made.router.redirect_slashes = False  # Edge takes slashes away, and Host would be believed
    return made


def post(paths: Iterable[str], endpoint: Endpoint) -> list[Route]:
    return [Route(path, endpoint, methods=["POST"]) for path in paths]


def asked(request: Request) -> str | None:
    """The model's name: of the path, or else of the query."""
    return request.path_params.get("model") or request.query_params.get("model")


async def json_object(request: Request) -> dict[str, Any]:
    """The body, whatever its Content-Type says; asked twice, it is read once.

    Raises UnsupportedEncoding, BodyTooSlow, EmptyBody, InputTooLarge, NotJson or WrongType.
    """
    if not hasattr(request.state, "body"):
        request.state.body = _parse(await _read(request))
    body: dict[str, Any] = request.state.body
    return body


async def compute(
    request: Request, function: Callable[..., Result], *args: Any, **kwargs: Any
) -> Result:
    """Call a method of a model, with a check that ends the work when the time is up.

    Raises DeadlineExceeded, or ClientDisconnect where nobody waits for the answer any longer.
    """
    seconds = _seconds_left(request)
    until = time.monotonic() + seconds

    def check() -> None:
        if left.is_set():
            raise ClientDisconnect
        if time.monotonic() > until:
            raise errors.DeadlineExceeded(seconds)

    cache = await _callers_cache(request)
    async with _leaving(request) as left:
        return await in_turn(function, *args, check=check, cache=cache, **kwargs)


async def in_turn(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call a function in a thread of a pool, so that one long request holds up no other.

    On Lambda there is no other, and the pool would cost a millisecond.
    """
    if ON_LAMBDA:
        return function(*args, **kwargs)
    if not _places.acquire(blocking=False):
        raise errors.Overloaded(retry_after=1)
    try:
        call = functools.partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(_turns, call)
    finally:
        _places.release()


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


class Edge:
    """The outermost layer: the request's id, the token, the total time, and errors as answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        start = time.perf_counter()
        headers = Headers(scope=scope)
        sent = scope["path"]
        path = scope["path"] = sent.rstrip("/") or "/"
        scope.setdefault("state", {})["slash"] = path != sent
        request_id = _request_id(headers)
        dialect = dialects.of(path)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                seconds = time.perf_counter() - start
                answered = MutableHeaders(scope=message)
                answered["x-request-id"] = request_id
                parts = answered.get("server-timing"), f"total;dur={seconds * 1000:.2f}"
                answered["server-timing"] = ", ".join(filter(None, parts))
                for name, value in dialect.headers(seconds).items():
                    answered.setdefault(name, value)
                if ON_LAMBDA:
                    telemetry.request(scope, message["status"], answered, request_id, seconds)
            await send(message)

        try:
            access.check(path, headers, tokens.valid())
            await self.app(scope, receive, send_with_headers)
        except ClientDisconnect:
            log.info("the client left before it was answered")
        except Exception as error:
            status, body = dialect.error(named := _named(error, path), request_id)
            response = answer(body, status=status)
            response.headers.update(_retry(named))
            await response(scope, receive, send_with_headers)


def fits(items: int, bytes_each: int) -> None:
    """Raises AnswerTooLarge for what Lambda could not give back, before it is computed."""
    if ON_LAMBDA and items * bytes_each > ANSWER_BYTES:
        raise errors.AnswerTooLarge(ANSWER_BYTES // bytes_each, items)


async def _callers_cache(request: Request) -> Mine:
    """What this caller sent before, unless the header or Hugging Face's option says not to look.

    Where everybody may ask, those who send no token cannot be told apart: they have no cache.
    """
    options = (await json_object(request)).get("options")
    option = options.get("use_cache") if isinstance(options, dict) else None
    refused = option is False or request.headers.get("x-use-cache", "").lower() in ("false", "0")
    caller = access.caller(request.headers)
    if refused or (settings.auth == "none" and not caller):
        return NO_CACHE
    return Mine(_cache, caller)


def _seconds_left(request: Request) -> float:
    """Until the deadline of the settings, or if it is sooner a second before Lambda's own."""
    context = request.scope.get("aws.context")
    if context is None:
        return settings.deadline_seconds
    left: float = context.get_remaining_time_in_millis() / 1000 - 1
    return min(settings.deadline_seconds, max(left, 0))


@contextlib.asynccontextmanager
async def _leaving(request: Request) -> AsyncIterator[threading.Event]:
    """An event that is set when the client leaves, and when the work is given up by a shutdown.

    Nobody can leave an invocation of Lambda.
    """
    left = threading.Event()

    async def watch() -> None:
        await request.receive()  # the body was read, so this can only be that the client left
        left.set()

    watching = None if ON_LAMBDA else asyncio.create_task(watch())
    try:
        yield left
    finally:
        left.set()
        if watching:
            watching.cancel()


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


def _request_id(headers: Headers) -> str:
    """The caller's, if it is fit to be sent back, or a new one."""
    sent = headers.get("x-request-id", "")
    return sent if re.fullmatch(r"[A-Za-z0-9-]{1,64}", sent) else str(uuid.uuid4())


def _named(error: Exception, path: str) -> TextfnError:
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


def _retry(error: TextfnError) -> dict[str, str]:
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
