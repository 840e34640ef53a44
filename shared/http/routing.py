"""Routes: the paths of every dialect, each to the endpoint of its form."""

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.http import dialects
from shared.http.body import read_fields
from shared.http.dialects.known_fields import check_fields
from shared.http.fields import Fields

Endpoint = Callable[[Request], Awaitable[Response]]


class Answering(NamedTuple):
    """What answers a form of request that has a body: it gets the fields of its task."""

    task: str
    answer: Callable[[Request, Fields], Awaitable[Response]]


# A form of request is answered, or a function looks at the request and returns what answers it.
Form = Answering | Callable[[Request, Fields], "Form"]


def reads(task: str) -> Callable[[Callable[[Request, Fields], Awaitable[Response]]], Answering]:
    """Decorate what answers a form: `FIELDS` of the path's dialect has the fields of its task."""
    return functools.partial(Answering, task)


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
        chosen = _chosen(run, request, given)
        return Answering(chosen.task, lambda request, _: _answer(chosen, request, given))

    return choose


def _routes(answering: Mapping[str, Endpoint], method: str) -> list[Route]:
    return [
        Route(path.pattern, answering[path.form], methods=[method])
        for path in dialects.paths()
        if path.method == method and path.form in answering
    ]


def _with_fields(form: Form) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        fields = await read_fields(request)
        return await _answer(_chosen(form, request, fields), request, fields)

    return endpoint


def _chosen(form: Form, request: Request, fields: Fields) -> Answering:
    while not isinstance(form, Answering):
        form = form(request, fields)
    return form


def _answer(chosen: Answering, request: Request, fields: Fields) -> Awaitable[Response]:
    """Refuse the fields that the path's dialect does not serve, and answer."""
    rules = dialects.of(request.scope["route"].path).FIELDS[chosen.task]
    check_fields(fields.body, request.query_params, rules)
    return chosen.answer(request, fields.with_parameters() if rules.parameters else fields)
