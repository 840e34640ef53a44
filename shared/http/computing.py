"""A model's work for one request: in its turn, within its time, with its caller's cache."""

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from shared import errors
from shared.http import access
from shared.http.body import json_object
from shared.inference.cache import NO_CACHE, Cache, Mine
from shared.inference.result import Result
from shared.settings import ON_LAMBDA, settings

T = TypeVar("T")
_cache = Cache(settings.cache_mb * 2**20)
# Few threads: each may keep the interpreter for 5 ms while the event loop waits for its turn.
_turns = ThreadPoolExecutor(8, "turn")
_places = threading.Semaphore(settings.max_waiting)  # requests computed or waiting to be


async def compute(
    request: Request, function: Callable[..., Result], *args: Any, **kwargs: Any
) -> Result:
    """Call a method of a model, with a check that ends the work when the time is up.

    Raises DeadlineExceeded, or ClientDisconnect where nobody waits for the answer any longer.
    """
    seconds = _seconds_left(request)
    until = time.monotonic() + seconds

    def check() -> None:
        if left.is_set():
            raise ClientDisconnect
        if time.monotonic() > until:
            raise errors.DeadlineExceeded(seconds)

    cache = await _callers_cache(request)
    async with _leaving(request) as left:
        return await in_turn(function, *args, check=check, cache=cache, **kwargs)


async def in_turn(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call a function in a thread of a pool, so that one long request holds up no other.

    On Lambda there is no other, and the pool would cost a millisecond.
    """
    if ON_LAMBDA:
        return function(*args, **kwargs)
    if not _places.acquire(blocking=False):
        raise errors.Overloaded(retry_after=1)
    try:
        call = functools.partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(_turns, call)
    finally:
        _places.release()


async def _callers_cache(request: Request) -> Mine:
    """What this caller sent before, unless the header or Hugging Face's option says not to look.

    Where everybody may ask, those who send no token cannot be told apart: they have no cache.
    """
    options = (await json_object(request)).get("options")
    option = options.get("use_cache") if isinstance(options, dict) else None
    refused = option is False or request.headers.get("x-use-cache", "").lower() in ("false", "0")
    caller = access.caller(request.headers)
    if refused or (settings.auth == "none" and not caller):
        return NO_CACHE
    return Mine(_cache, caller)


def _seconds_left(request: Request) -> float:
    """Until the deadline of the settings, or if it is sooner a second before Lambda's own."""
    context = request.scope.get("aws.context")
    if context is None:
        return settings.deadline_seconds
    left: float = context.get_remaining_time_in_millis() / 1000 - 1
    return min(settings.deadline_seconds, max(left, 0))


@contextlib.asynccontextmanager
async def _leaving(request: Request) -> AsyncIterator[threading.Event]:
    """An event that is set when the client leaves, and when the work is given up by a shutdown.

    Nobody can leave an invocation of Lambda.
    """
    left = threading.Event()

    async def watch() -> None:
        await request.receive()  # the body was read, so this can only be that the client left
        left.set()

    watching = None if ON_LAMBDA else asyncio.create_task(watch())
    try:
        yield left
    finally:
        left.set()
        if watching:
            watching.cancel()
