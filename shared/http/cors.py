"""Cross-origin requests: which web pages may call from a browser."""

import functools

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.http.service import Service

LOOPBACK = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?"
# The headers of an answer that a page may read.
EXPOSED = (
    "retry-after",
    "server-timing",
    "textfn-model",
    "textfn-tokens",
    "textfn-truncated",
    "x-compute-time",
    "x-compute-type",
    "x-request-id",
)


class CrossOrigin:
    """Outside of Edge, because a browser's preflight request carries no API token.

    Without an allowed origin, requests pass unchanged and no page of another origin can read an
    answer. A preflight is granted every header that it asks for: the SDKs send many of their own.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        serving: Service = scope["app"].state.service
        app = self.app
        if serving.settings.cors_origins:
            app = _allowing(self.app, serving.settings.cors_origins, "")
        elif serving.on_loopback:
            app = _allowing(self.app, (), LOOPBACK)
        await app(scope, receive, send)


@functools.lru_cache(maxsize=8)
def _allowing(app: ASGIApp, origins: tuple[str, ...], pattern: str) -> ASGIApp:
    from starlette.middleware.cors import CORSMiddleware  # only who allows origins pays for it

    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_origin_regex=pattern or None,
        allow_methods=("GET", "POST"),
        allow_headers=("*",),
        expose_headers=EXPOSED,
        max_age=7200,  # the most that Chromium keeps
    )
