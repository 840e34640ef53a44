"""The opened models of a task, for a request."""

from starlette.requests import Request

from shared.http.service import service
from shared.inference.library import Library, Models


def models(request: Request, task: str) -> Models:
    """Any name of the task -> its model. Raises ModelNotInstalled or UnknownModel on look-up."""
    library: Library = service(request).library
    return library.of(task)
