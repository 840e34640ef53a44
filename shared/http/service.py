"""The parts that answer a request. The entry makes them once and keeps them on `app.state`."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from shared.http.access import Access
from shared.http.hosts import Host
from shared.inference.cache import Cache
from shared.names import Catalogue
from shared.settings import Settings


@dataclass(frozen=True)
class Service:
    """`library` is the Library of the opened models, or None in a function that opens no model."""

    settings: Settings
    catalogue: Catalogue
    library: Any  # to import the class Library here would import numpy
    cache: Cache
    access: Access
    host: Host
    on_loopback: bool = False  # nobody but this machine reaches it


def service(request: Request) -> Service:
    """Return the service of the application that got the request."""
    made: Service = request.app.state.service
    return made


def make_service(
    settings: Settings, host: Host, models: Any, *, on_loopback: bool = False
) -> Service:
    """Make a service over a Library, or over a Catalogue if no model is opened.

    Raises Unreadable if the API tokens are in an SSM parameter that cannot be read.
    """
    opens = not isinstance(models, Catalogue)
    made = Service(
        settings,
        models.catalogue if opens else models,
        models if opens else None,
        Cache(settings.cache_mb * 2**20),
        Access(settings),
        host,
        on_loopback,
    )
    made.access.read()
    return made
