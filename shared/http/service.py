"""Everything that answers a request: made once by the entry, kept on the application's state."""

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
    """`library` is the Library of the opened models; a function that opens no model has none."""

    settings: Settings
    catalogue: Catalogue
    library: Any  # this wing does not know the class: it would have to import numpy
    cache: Cache
    access: Access
    host: Host


def service(request: Request) -> Service:
    """The service of the application that got the request."""
    made: Service = request.app.state.service
    return made


def make_service(settings: Settings, host: Host, models: Any) -> Service:
    """A service over a Library, or over a Catalogue if no model is opened.

    Raises Unreadable if the API tokens are in an SSM parameter that cannot be read, and BadSetting
    for a default model that cannot answer.
    """
    opens = not isinstance(models, Catalogue)
    made = Service(
        settings,
        models.catalogue if opens else models,
        models if opens else None,
        Cache(settings.cache_mb * 2**20),
        Access(settings),
        host,
    )
    made.catalogue.check_defaults()
    made.access.read()
    return made
