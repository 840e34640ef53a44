"""The computation for one request: in its turn, by its deadline, with its caller's cache."""

import functools
import time
from collections.abc import Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request

from shared import errors
from shared.http import access
from shared.http.fields import Fields
from shared.http.service import service
from shared.inference.cache import NO_CACHE, TenantCache
from shared.inference.result import Result


async def compute(
    request: Request, fields: Fields, function: Callable[..., Result], *args: Any, **kwargs: Any
) -> Result:
    """Call a method of a model, and end its work at the deadline or when the client leaves.

    Raises Overloaded, DeadlineExceeded, ClientDisconnect, and what the method raises.
    """
    serving = service(request)
    seconds = serving.host.seconds_left(request, serving.settings.deadline_seconds)
    until = time.monotonic() + seconds

    def check() -> None:
        if left.is_set():
            raise ClientDisconnect
        if time.monotonic() > until:
            raise errors.DeadlineExceeded(seconds)

    cache = _tenant_cache(request, fields)
    call = functools.partial(function, *args, check=check, cache=cache, **kwargs)
    async with serving.host.leaving(request) as left:
        return await serving.host.call(call)


def _tenant_cache(request: Request, fields: Fields) -> TenantCache:
    """Return the caller's part of the cache, or NO_CACHE if the request asks for none.

    An open service cannot tell callers without an API token apart, so they have no cache.
    """
    serving = service(request)
    refused = request.headers.get("x-use-cache", "").lower() in ("false", "0")
    tenant = access.caller(request.headers)
    if refused or not fields.uses_cache or (serving.access.open and not tenant):
        return NO_CACHE
    return TenantCache(serving.cache, tenant)
