"""The parts that answer a request. The entry makes them once and keeps them on `app.state`."""

import logging
from dataclasses import dataclass, replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request

from shared.errors import Failure
from shared.http.access import Access
from shared.http.hosts import Host
from shared.inference.cache import Cache
from shared.names import Catalogue
from shared.settings import Settings

log = logging.getLogger("textfn")


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
        on_loopback,
    )
    made.catalogue.check_defaults()
    made.access.read()
    return made


async def renew(app: Starlette) -> None:
    """Serve what was installed or removed since the last look; log what cannot be opened."""
    serving: Service = app.state.service
    if serving.library is None:
        return
    try:
        library = await serving.host.look(serving.library.renewed)
    except (Failure, OSError) as error:
        log.warning("what was installed since the start is not served: %s", error)
        return
    if library not in (None, serving.library):
        app.state.service = replace(serving, library=library, catalogue=library.catalogue)
