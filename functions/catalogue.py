"""What is served here; opens no model. In a deployment every unknown path ends here."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from shared.dialects import openai
from shared.lambda_adapter import lambda_handler
from shared.manifest import catalogue
from shared.web import answer, application

HERE = Path(__file__).parent
EXAMPLES = (HERE / "examples.json").read_text("utf-8")
PAGE = (HERE / "page.html").read_text("utf-8").replace('"EXAMPLES"', EXAMPLES)
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)


async def page(request: Request) -> Response:
    """For a person with a browser: try each task, see the models."""
    return HTMLResponse(PAGE, headers={"content-security-policy": POLICY})


async def health(request: Request) -> Response:
    return answer({"status": "ok"})


async def models(request: Request) -> Response:
    """Every name of every installed model."""
    return answer(
        openai.models(name for each in catalogue() if each.installed for name in each.names)
    )


routes = [
    Route("/", page),
    Route("/health", health),
    *(Route(path, models) for path in openai.MODELS),
]
app = application(*routes)
handler = lambda_handler(app)
