"""All functions in one application, for a laptop or a container.

It also does the work of a gateway: a URL that names a model goes to the function of that model.
"""

from types import ModuleType

from starlette.applications import Starlette
from starlette.requests import Request

from functions import (
    catalogue,
    page,
    readiness,
    sentence_similarity,
    text_classification,
    text_embeddings,
)
from functions.opened import models
from shared.http.access import require_protection
from shared.http.application import application
from shared.http.fields import Fields
from shared.http.hosts import Server
from shared.http.routing import Form, forms, model_name
from shared.http.service import make_service, service
from shared.inference.library import Library
from shared.settings import Settings

# The first task that knows the model's name answers.
TASKS = (sentence_similarity, text_classification, text_embeddings)


def tasks_of(form: str) -> list[ModuleType]:
    """Return the tasks that answer a form. If there are several, the model in the path decides."""
    return [each for each in TASKS if form in each.FORMS]


def answering(form: str) -> Form:
    """Return the endpoint of a form: that of its only task, or one that chooses by the model."""
    tasks = tasks_of(form)
    only: Form = tasks[0].FORMS[form]
    return by_model(form) if len(tasks) > 1 else only


def by_model(form: str) -> Form:
    """Return an endpoint that chooses the task of the model that the request names.

    A name that no task knows raises UnknownModel, with names of all tasks that look like it.
    """

    first: Form = TASKS[0].FORMS[form]

    def choose(request: Request, fields: Fields) -> Form:
        name = model_name(request) or fields.get("model")
        if not isinstance(name, str):
            return first
        task = next((each for each in TASKS if name in models(request, each.TASK)), None)
        if task is None:
            raise service(request).catalogue.unknown(name)
        chosen: Form = task.FORMS[form]
        return chosen

    return choose


def open_app(settings: Settings, *, loopback: bool) -> Starlette:
    """Open the models and return the application.

    `loopback` says that only this machine can reach it. Raises NotProtected, Unreadable,
    BadManifest, BadModel or CannotFetch.
    """
    require_protection(loopback, settings)
    app = application(
        *forms({form: answering(form) for each in TASKS for form in each.FORMS}),
        *page.routes,
        *catalogue.routes,
        *readiness.routes,
    )
    app.state.service = make_service(
        settings, Server(settings), Library(settings), on_loopback=loopback
    )
    return app
