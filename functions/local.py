"""All functions in one application, for a laptop or a container.

Here the part of a gateway is done too: a URL that names a model goes to the model's function.
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
from shared.http.routing import Form, forms
from shared.http.service import make_service, service
from shared.inference.library import Library
from shared.settings import Settings

# The first task that knows the model's name answers.
TASKS = (sentence_similarity, text_classification, text_embeddings)


def tasks_of(form: str) -> list[ModuleType]:
    """The tasks that answer a form. Of several, the model in the path decides."""
    return [each for each in TASKS if form in each.FORMS]


def answering(form: str) -> Form:
    """The endpoint of a form, in the one task that has it or in the task of the model."""
    tasks = tasks_of(form)
    only: Form = tasks[0].FORMS[form]
    return by_model(form) if len(tasks) > 1 else only


def by_model(form: str) -> Form:
    """The form's endpoint in the function of the model that the path names.

    A name that no task knows raises UnknownModel, with names of all tasks that look like it.
    """

    def choose(request: Request, fields: Fields) -> Form:
        name = request.path_params["model"]
        task = next((each for each in TASKS if name in models(request, each.TASK)), None)
        if task is None:
            raise service(request).catalogue.unknown(name)
        chosen: Form = task.FORMS[form]
        return chosen

    return choose


def open_app(settings: Settings, *, loopback: bool) -> Starlette:
    """The application with its models opened.

    `loopback` says that nobody but this machine reaches it. Raises NotProtected, Unreadable,
    BadManifest, BadModel or CannotFetch.
    """
    require_protection(loopback, settings)
    app = application(
        *forms({form: answering(form) for each in TASKS for form in each.FORMS}),
        *page.routes,
        *catalogue.routes,
        *readiness.routes,
    )
    app.state.service = make_service(settings, Server(settings), Library(settings))
    return app
