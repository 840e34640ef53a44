"""The opened models of a task, for a request."""

from starlette.requests import Request

from shared.http.service import service
from shared.inference.library import Library, Models


def models(request: Request, task: str) -> Models:
    """Return the models of a task by any name.

    A look-up raises ModelNotInstalled or UnknownModel.
    """
    library: Library = service(request).library
    return library.of(task)
