"""Lambda's Runtime API for a function (docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html)."""

import json
import queue
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

VERSION = "/2018-06-01/runtime"
MOST_BYTES = 6_291_556  # the limit of an answer; beyond it, AWS ends the environment


class Outcome(NamedTuple):
    """The result of an event: `kind` is response, error, init/error or "too large"."""

    kind: str
    body: Any


class RuntimeApi:
    """Gives events to a function that asks for them, and takes its answers."""

    def __init__(self, when_ready: Callable[[], None]) -> None:
        """`when_ready` is called once, when the function first asks: its init has ended."""
        self._events: queue.Queue[tuple[bytes, float]] = queue.Queue()
        self._outcomes: queue.Queue[Outcome] = queue.Queue()
        self._when_ready, self._ready = when_ready, threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def give(self, event: object, seconds: float) -> None:
        """Give an event whose deadline is in so many seconds."""
        self._events.put((json.dumps(event).encode(), seconds))

    def outcome(self, seconds: float) -> Outcome | None:
        """Return what the function sent next; None if it sends nothing for so many seconds."""
        try:
            return self._outcomes.get(timeout=seconds)
        except queue.Empty:
            return None

    def is_ready(self) -> bool:
        return self._ready.is_set()

    def next(self) -> tuple[bytes, float]:
        if not self._ready.is_set():
            self._when_ready()
            self._ready.set()
        return self._events.get()

    def take(self, kind: str, body: bytes) -> int:
        """Take an answer and return the status for the runtime client."""
        if len(body) > MOST_BYTES:
            self._outcomes.put(Outcome("too large", None))
            return 413
        self._outcomes.put(Outcome(kind, json.loads(body)))
        return 202


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore it: a function that is killed leaves its connection."""


def _handler(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            assert self.path == f"{VERSION}/invocation/next"
            event, seconds = api.next()
            headers = {
                "Content-Type": "application/json",
                # Without it, awslambdaric 4.2.2's compiled client crashes.
                "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
                "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + seconds) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:1:function:f",
            }
            self._answer(200, event, headers)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kind = "init/error" if self.path.endswith("init/error") else self.path.split("/")[-1]
            self._answer(api.take(kind, body), b'{"status":"OK"}', {})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler
