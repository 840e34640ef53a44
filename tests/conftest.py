"""A real server with real models, on loopback; the suite reaches no other address."""

import dataclasses
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

TESTS = Path(__file__).parent
MODELS = TESTS / "fixtures" / "models"

# Set before any module reads the settings: the tiny models are served beside the bundled ones.
os.environ["TEXTFN_MODELS_DIR"] = str(MODELS)
# tests/guard/sitecustomize.py shuts the processes that the tests start off from the network.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(TESTS / "guard"), os.environ.get("PYTHONPATH")])
)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Server(NamedTuple):
    port: int
    app: Any = None

    @property
    def service(self) -> Any:
        """The Service that answers."""
        return self.app.state.service

    def replace(self, monkeypatch: pytest.MonkeyPatch, **parts: Any) -> None:
        """Replace parts of the Service, for one test."""
        changed = dataclasses.replace(self.service, **parts)
        monkeypatch.setitem(self.app.state._state, "service", changed)

    def set(self, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        """Change settings for one test: limits, deadline, API tokens."""
        from shared.http.access import Access

        changed = dataclasses.replace(self.service.settings, **settings)
        self.replace(monkeypatch, settings=changed, access=Access(changed))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, path: str, body: object = b"", **headers: str) -> Answer:
        """Send bytes as they are, anything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, content, **headers)

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, None, **headers)

    def request(self, method: str, path: str, body: bytes | None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        return _read(connection)

    def raw(self, request: bytes) -> Answer:
        """Send the bytes of a whole request, head and body, as a client wrote them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.connect()
        connection.sock.sendall(request)
        method = request.split(b" ", 1)[0].decode()
        response = http.client.HTTPResponse(connection.sock, method=method)
        response.begin()
        answer = _answer(response)
        connection.close()
        return answer


def _read(connection: http.client.HTTPConnection) -> Answer:
    answer = _answer(connection.getresponse())
    connection.close()
    return answer


def _answer(response: http.client.HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    import uvicorn

    from functions.local import open_app
    from shared.settings import Settings
    from textfn.listening import listen

    listening = listen("127.0.0.1", 0)
    app = open_app(Settings.read(), loopback=True)
    running = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield Server(listening.getsockname()[1], app)
    running.should_exit = True
    thread.join()
    listening.close()


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that connects to anything but loopback."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            assert address[0] in ("127.0.0.1", "::1", "localhost"), f"a connection to {address}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
