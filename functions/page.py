"""The page, the OpenAPI document, health and the check of an API token. It opens no model."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from shared.http import access
from shared.http.answers import answer
from shared.http.dialects import cloudflare
from shared.http.routing import endpoints
from shared.version import VERSION

HERE = Path(__file__).parent
OPENAPI = (HERE / "openapi.json").read_bytes()
EXAMPLES = (HERE / "examples.json").read_text("utf-8")
PAGE = (HERE / "page.html").read_text("utf-8").replace('"EXAMPLES"', EXAMPLES)
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)


async def page(request: Request) -> Response:
    """Return a page for a browser, which tries each task and lists the models."""
    return HTMLResponse(PAGE, headers={"content-security-policy": POLICY})


async def openapi(request: Request) -> Response:
    return Response(OPENAPI, media_type="application/json")


async def health(request: Request) -> Response:
    """Return {"status": "ok", "textfn-version"} while the process answers."""
    return answer({"status": "ok", "textfn-version": VERSION})


async def verify(request: Request) -> Response:
    """Say that the API token is valid. A request with any other token was refused before."""
    return answer(cloudflare.active(access.caller(request.headers).hex()[:32]))


routes = [
    Route("/", page),
    Route("/openapi.json", openapi),
    Route("/health", health),
    Route("/livez", health),
    *endpoints({"verify": verify, "ping": health}),
]
