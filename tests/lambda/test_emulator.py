"""Each bundle under AWS's own Runtime Interface Emulator, which aws-sam-cli carries."""

import http.client
import importlib.util
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import NAMES, Bundle
from events import KINDS, event
from function import command, environment, sandboxed
from test_runtime_api import REQUESTS

INVOCATIONS = "/2015-03-31/functions/function/invocations"


def emulator() -> str:
    spec = importlib.util.find_spec("samcli")
    assert spec and spec.origin
    arch = {"aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    file = Path(spec.origin).parent / "local" / "rapid" / f"aws-lambda-rie-{arch}"
    file.chmod(0o755)
    return str(file)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def emulated(bundle: Bundle, **settings: str | None) -> Iterator[int]:
    """The port of a running emulator, which starts the function at the first event."""
    port = free_port()
    options = ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    options += ["--runtime-api-address", f"127.0.0.1:{free_port()}"]
    function = command(bundle.folder, bundle.runtime, bundle.papers["handler"])
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            sandboxed([emulator(), *options, *function]),
            env=environment(**settings),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait(port, process)
            yield port
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # the function is the emulator's child
            process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None
            time.sleep(0.02)


def post(port: int, body: object) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", INVOCATIONS, json.dumps(body))
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def test_a_function_answers_in_the_emulator(bundle: Bundle) -> None:
    expected = 404 if bundle.name == "catalogue" else 200
    with emulated(bundle) as port:
        for kind in KINDS:
            answer = post(port, event(kind, *REQUESTS[bundle.name]))
            assert answer["statusCode"] == expected, answer


@pytest.mark.parametrize("name", NAMES[:1])
def test_without_a_token_the_emulator_gets_the_reason(bundles: Any, name: str) -> None:
    with emulated(bundles[name], TEXTFN_TOKENS=None) as port:
        answer = post(port, event("HTTP API", *REQUESTS[name]))
    assert answer["errorType"] == "NotProtected"
    assert "TEXTFN_TOKENS" in answer["errorMessage"]
