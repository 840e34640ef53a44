"""What is served here; opens no model. In a deployment every unknown path ends here."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from shared.http import access
from shared.http.answers import answer
from shared.http.dialects import cloudflare

HERE = Path(__file__).parent
OPENAPI = (HERE / "openapi.json").read_bytes()
EXAMPLES = (HERE / "examples.json").read_text("utf-8")
PAGE = (HERE / "page.html").read_text("utf-8").replace('"EXAMPLES"', EXAMPLES)
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)


async def page(request: Request) -> Response:
    """For a person with a browser: try each task, see the models."""
    return HTMLResponse(PAGE, headers={"content-security-policy": POLICY})


async def openapi(request: Request) -> Response:
    return Response(OPENAPI, media_type="application/json")


async def health(request: Request) -> Response:
    return answer({"status": "ok"})


async def verify(request: Request) -> Response:
    """That a token is valid: a request with another one does not get here."""
    return answer(cloudflare.active(access.caller(request.headers).hex()[:32]))


routes = [
    Route("/", page),
    Route("/openapi.json", openapi),
    Route("/health", health),
    Route("/livez", health),
    *(Route(path, verify) for path in cloudflare.VERIFY),
]
