"""The host of the service: the differences between a server and a Lambda function."""

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from starlette.requests import Request

from shared.errors import Overloaded
from shared.http import telemetry
from shared.settings import Settings

SECONDS_BETWEEN_LOOKS = 1.0

T = TypeVar("T")


class Host(Protocol):
    """The host that a service runs on. The entry makes one and hands it to the service."""

    @property
    def most_answer_bytes(self) -> float:
        """The largest body of an answer that can be sent back, in bytes."""

    async def call(self, function: Callable[[], T]) -> T:
        """Call a function that computes. Raises Overloaded if too many requests wait already."""

    async def aside(self, function: Callable[[], None]) -> None:
        """Call a function that waits for the network, without holding up other requests."""

    async def look(self, function: Callable[[], T]) -> T | None:
        """Call a function that looks for other files on the disk; None if it is not the time."""

    def seconds_left(self, request: Request, deadline: float) -> float:
        """Return the seconds until the deadline of the settings or of the host, if it is sooner."""

    def leaving(self, request: Request) -> contextlib.AbstractAsyncContextManager[threading.Event]:
        """Give an event that is set when the client disconnects, and when the block is left."""

    def answered(
        self,
        scope: MutableMapping[str, Any],
        status: int,
        headers: Mapping[str, str],
        request_id: str,
        seconds: float,
    ) -> None:
        """Log a request that was answered after `seconds`."""


class Server:
    """A process that serves many requests at a time: a laptop, a container, Azure Functions."""

    most_answer_bytes = math.inf

    def __init__(self, settings: Settings) -> None:
        # Few threads: each may hold the interpreter for 5 ms while the event loop waits.
        self.threads = ThreadPoolExecutor(8, "turn")
        self.semaphore = threading.Semaphore(settings.max_waiting)  # requests computed or waiting
        self._looking, self._next_look = False, 0.0

    async def call(self, function: Callable[[], T]) -> T:
        """Call it in a thread of a pool, so that one long request holds up no other."""
        if not self.semaphore.acquire(blocking=False):
            raise Overloaded(retry_after=1)
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, function)
        finally:
            self.semaphore.release()

    async def aside(self, function: Callable[[], None]) -> None:
        """Call it in a thread of its own, and do not wait for it."""
        threading.Thread(target=function, daemon=True).start()

    async def look(self, function: Callable[[], T]) -> T | None:
        """In a thread of its own, one at a time, at most once per second."""
        if self._looking or time.monotonic() < self._next_look:
            return None
        self._looking = True
        try:
            return await asyncio.to_thread(function)
        finally:
            self._looking, self._next_look = False, time.monotonic() + SECONDS_BETWEEN_LOOKS

    def seconds_left(self, request: Request, deadline: float) -> float:
        return deadline

    @contextlib.asynccontextmanager
    async def leaving(self, request: Request) -> AsyncIterator[threading.Event]:
        left = threading.Event()

        async def watch() -> None:
            await request.receive()  # the body was read, so this says that the client left
            left.set()

        watching = asyncio.create_task(watch())
        try:
            yield left
        finally:
            left.set()
            watching.cancel()

    def answered(self, *_: object) -> None:
        """Do nothing: uvicorn logs the requests."""


class Lambda:
    """An environment of AWS Lambda: one request at a time, whose client cannot leave."""

    most_answer_bytes = 6_291_556 - 4096  # Lambda's limit, less headers and envelope

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._is_cold = True

    async def call(self, function: Callable[[], T]) -> T:
        """Call it in the event loop's thread: no other request waits, and a pool costs 1 ms."""
        return function()

    async def aside(self, function: Callable[[], None]) -> None:
        """Call it at once: Lambda freezes the environment after the answer."""
        function()

    async def look(self, function: Callable[[], T]) -> None:
        """Never: a function's files do not change."""

    def seconds_left(self, request: Request, deadline: float) -> float:
        """Return the seconds until the deadline, or until one second before Lambda's own."""
        context = request.scope.get("aws.context")
        if context is None:
            return deadline
        left: float = context.get_remaining_time_in_millis() / 1000 - 1
        return min(deadline, max(left, 0))

    @contextlib.asynccontextmanager
    async def leaving(self, request: Request) -> AsyncIterator[threading.Event]:
        yield threading.Event()

    def answered(
        self,
        scope: MutableMapping[str, Any],
        status: int,
        headers: Mapping[str, str],
        request_id: str,
        seconds: float,
    ) -> None:
        """Print the request's line, as telemetry describes it."""
        line = telemetry.line(scope, status, headers, request_id, seconds, is_cold=self._is_cold)
        self._is_cold = False
        telemetry.tell(line, self._settings)

    def restored(self) -> None:
        """Count the next request as cold: it is the first after the restore of a snapshot."""
        self._is_cold = True
