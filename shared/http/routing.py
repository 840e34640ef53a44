"""Paths to endpoints."""

from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Endpoint = Callable[[Request], Awaitable[Response]]


def post(paths: Iterable[str], endpoint: Endpoint) -> list[Route]:
    return [Route(path, endpoint, methods=["POST"]) for path in paths]


def asked(request: Request) -> str | None:
    """The model's name: of the path, or else of the query."""
    return request.path_params.get("model") or request.query_params.get("model")
