"""HTTP at both ends of a handler: a body in, an answer out, and every error in its dialect."""

import logging
import re
import time
import uuid

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http import access, dialects, telemetry
from shared.http.answers import answer
from shared.http.refusals import named, retry
from shared.http.tokens import tokens
from shared.settings import ON_LAMBDA

log = logging.getLogger("textfn")


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
            status, body = dialect.error(named_error := named(error, path), request_id)
            response = answer(body, status=status)
            response.headers.update(retry(named_error))
            await response(scope, receive, send_with_headers)


def _request_id(headers: Headers) -> str:
    """The caller's, if it is fit to be sent back, or a new one."""
    sent = headers.get("x-request-id", "")
    return sent if re.fullmatch(r"[A-Za-z0-9-]{1,64}", sent) else str(uuid.uuid4())
