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
from shared.http.access import is_public
from shared.http.answers import answer
from shared.http.cors import CrossOrigin
from shared.http.service import Service, renew


def application(*routes: Route) -> Starlette:
    """Make an ASGI application that answers every error in the caller's dialect.

    The entry puts the Service on its state: `app.state.service`.
    """

    async def reraise(request: Request, error: Exception) -> Response:
        raise error

    made = Starlette(
        routes=routes,
        middleware=[Middleware(CrossOrigin), Middleware(Edge)],
        exception_handlers={HTTPException: reraise},
    )
    made.router.redirect_slashes = False  # Edge removes slashes; a redirect would trust Host
    return made


class Edge:
    """The outermost layer. It gives requests an id, checks API tokens and answers errors."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        start = time.perf_counter()
        serving: Service = scope["app"].state.service
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        path = _plain_path(scope, serving.settings.base_path)
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
            if not is_public(scope["method"], path):
                await _check_access(serving, path, headers)
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
    """Raise MissingCredentials or AccessDenied."""
    if serving.access.is_stale:
        await serving.host.aside(serving.access.read)
    serving.access.check(path, headers)


def _plain_path(scope: Scope, base_path: str) -> str:
    """Return the path as the routes know it.

    It has no doubled slash, no final slash, and no prefix: neither that of a mount nor
    TEXTFN_BASE_PATH. `request.state.slash` says whether a slash was removed.
    """
    sent = scope["path"]
    scope["path"] = re.sub("//+", "/", sent).rstrip("/") or "/"
    scope.setdefault("state", {})["slash"] = scope["path"] != sent
    prefix = scope.get("root_path", "") or base_path
    below = scope["path"].removeprefix(prefix)
    if below and not below.startswith("/"):
        return str(scope["path"])
    scope["root_path"] = prefix if below != scope["path"] else scope.get("root_path", "")
    return below or "/"


def _request_id(headers: Headers) -> str:
    """Return the caller's id if it is short and plain enough to send back, or a new one."""
    sent = headers.get("x-request-id", "")
    return sent if re.fullmatch(r"[A-Za-z0-9-]{1,64}", sent) else str(uuid.uuid4())
