"""Routes: the paths of every dialect, each to the endpoint of its form."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.http import dialects
from shared.http.body import read_fields
from shared.http.fields import Fields

# The endpoint of a form of request that has a body. One that is not async does not answer: it looks
# at the request and returns the endpoint that does.
Form = Callable[[Request, Fields], "Awaitable[Response] | Form"]
Endpoint = Callable[[Request], Awaitable[Response]]


def forms(answering: Mapping[str, Form]) -> list[Route]:
    """Return a POST route for every path of every dialect whose form has an endpoint."""
    return _routes({form: _with_fields(answering[form]) for form in answering}, "POST")


def endpoints(answering: Mapping[str, Endpoint]) -> list[Route]:
    """Return a GET route for every path of every dialect whose form has an endpoint."""
    return _routes(answering, "GET")


def model_name(request: Request) -> str | None:
    """Return the model's name in the path, or else in the query, or else None."""
    return request.path_params.get("model") or request.query_params.get("model") or None


def named(run: Form) -> Form:
    """The form for a body that names the model, around the form of a path that names it.

    `{"model": str, "input": {...}}`: the input is what the other path's body would be.
    """

    def choose(request: Request, fields: Fields) -> Form:
        fields.require(["model", "input"])
        request.scope["path_params"]["model"] = fields.text("model")
        given = fields.object("input")
        return lambda request, _: _answered(run, request, given)

    return choose


def _routes(answering: Mapping[str, Endpoint], method: str) -> list[Route]:
    return [
        Route(path.pattern, answering[path.form], methods=[method])
        for path in dialects.paths()
        if path.method == method and path.form in answering
    ]


def _with_fields(form: Form) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return await _answered(form, request, await read_fields(request))

    return endpoint


def _answered(form: Form, request: Request, fields: Fields) -> Awaitable[Response]:
    """Call a form, and each form that one of them returns, until one answers."""
    answering = form(request, fields)
    while callable(answering):
        answering = answering(request, fields)
    return answering
