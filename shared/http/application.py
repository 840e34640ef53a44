"""The application: every request gets an id, is checked for its API token, and is answered."""

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

from shared.http import dialects, refusals
from shared.http.access import PUBLIC
from shared.http.answers import answer
from shared.http.service import Service, renew


def application(*routes: Route) -> Starlette:
    """An ASGI application that answers every failure in the caller's dialect.

    The entry puts the Service on its state: `app.state.service`.
    """

    async def reraise(request: Request, error: Exception) -> Response:
        raise error

    made = Starlette(
        routes=routes,
        middleware=[Middleware(Edge)],
        exception_handlers={HTTPException: reraise},
    )
    made.router.redirect_slashes = False  # Edge removes slashes; a redirect would believe Host
    return made


class Edge:
    """The outermost layer: the request's id, the API token, the time, and errors as answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        start = time.perf_counter()
        serving: Service = scope["app"].state.service
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        path = _without_slash(scope)
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
                serving.host.answered(scope, message["status"], answered, request_id, seconds)
            await send(message)

        try:
            await _check_access(serving, path, headers)
            if path not in PUBLIC:
                await renew(scope["app"])
            await self.app(scope, receive, send_with_headers)
        except ClientDisconnect:
            refusals.log.info("the client of request %s left before its answer", request_id)
        except Exception as error:
            named = refusals.named(error, path, request_id)
            status, body = dialect.error(named, request_id)
            response = answer(body, status=status)
            response.headers.update(refusals.headers(named))
            await response(scope, receive, send_with_headers)


async def _check_access(serving: Service, path: str, headers: Headers) -> None:
    """Raises MissingCredentials or AccessDenied. A public path never waits for the API tokens."""
    if path not in PUBLIC and serving.access.is_stale:
        await serving.host.aside(serving.access.read)
    serving.access.check(path, headers)


def _without_slash(scope: Scope) -> str:
    """The path as the routes know it: without a final slash and without a mount's prefix.

    `request.state.slash` says whether there was a slash.
    """
    sent = scope["path"]
    scope["path"] = sent.rstrip("/") or "/"
    scope.setdefault("state", {})["slash"] = scope["path"] != sent
    prefix = scope.get("root_path", "")
    path: str = scope["path"].removeprefix(prefix) if prefix else scope["path"]
    return path or "/"


def _request_id(headers: Headers) -> str:
    """The caller's id, if it is fit to be sent back, or a new one."""
    sent = headers.get("x-request-id", "")
    return sent if re.fullmatch(r"[A-Za-z0-9-]{1,64}", sent) else str(uuid.uuid4())
