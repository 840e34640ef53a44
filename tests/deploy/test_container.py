"""The Dockerfile, its steps carried out in folders: what it copies is enough to serve."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import pytest
from conftest import TESTS, Server
from dockerfile import Stage, build, included

ROOT = TESTS.parent
CONTAINER = ROOT / "deploy" / "container"
TOKEN = "a token of the tests"
CLOSED = {"TEXTFN_TOKENS": sha256(TOKEN.encode()).hexdigest()}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return build(CONTAINER / "Dockerfile", ROOT, tmp_path_factory.mktemp("image"))


@contextmanager
def running(image: Stage, **settings: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        image.command("CMD"),
        cwd=image.path("."),
        env=image.environment | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the server too, where a shell holds it
        process.communicate()


def healthy(image: Stage, port: str) -> bool:
    return (
        subprocess.run(
            image.command("HEALTHCHECK"),
            env=image.environment | {"PORT": port},
            capture_output=True,
        ).returncode
        == 0
    )


def files(image: Stage) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in image.root.rglob("*") if path.is_file()}


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return str(listening.getsockname()[1])


def test_it_answers_on_the_port_it_is_given_and_writes_nothing(image: Stage) -> None:
    before, port = files(image), free_port()
    assert not healthy(image, port)
    with running(image, PORT=port, **CLOSED) as process:
        until = time.monotonic() + 60
        while not healthy(image, port):
            assert process.poll() is None and time.monotonic() < until
        server = Server(int(port))
        run = "/client/v4/accounts/me/ai/run/all-minilm-l6-v2"
        answer = server.post(run, {"text": "llama"}, authorization=f"Bearer {TOKEN}")
        assert answer.json["result"]["shape"] == [1, 384]
        sentiment = "/models/minilm-l6-sst2-int8"
        answer = server.post(sentiment, {"inputs": "Great!"}, authorization=f"Bearer {TOKEN}")
        assert answer.json[0][0]["label"] == "POSITIVE"
        assert server.post(run, {"text": "llama"}).json["errors"][0]["code"] == 9106
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in (0, -signal.SIGTERM)
        assert not healthy(image, port)  # the signal reached the server, not only a shell
    assert files(image) == before


def test_it_does_not_start_open_to_everybody(image: Stage) -> None:
    with running(image, PORT=free_port()) as process:
        assert process.wait(timeout=60) == 1
        assert process.stderr and "TEXTFN_TOKENS" in process.stderr.read()


def test_it_has_no_installer_and_is_nobody(image: Stage) -> None:
    installed = {path.name for path in image.root.glob("venv/lib/python*/site-packages/*")}
    assert "onnxruntime" in installed and "uvicorn" in installed
    assert not {"pip", "setuptools", "pytest", "boto3"} & installed
    user, _, group = image.said["USER"].partition(":")
    assert int(user) > 0 and int(group) > 0  # numbers, for runAsNonRoot


def test_its_modules_are_compiled(image: Stage) -> None:
    sources = {path.stem for path in image.path("shared/inference").glob("*.py")}
    compiled = {
        path.name.split(".")[0] for path in image.path("shared/inference").glob("__pycache__/*.pyc")
    }
    assert sources == compiled


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("shared/inference/model.py", True),
        ("models/all-minilm-l6-v2/model.onnx", True),
        ("models/bge-base-en-v1.5@0123/model.onnx.data", True),
        ("models/.pull/half", False),
        ("shared/inference/__pycache__/model.cpython-313.pyc", False),
        ("requirements/serve.txt", True),
        ("requirements/dev.txt", False),
        (".git/config", False),
        (".env", False),
    ],
)
def test_only_what_is_needed_reaches_the_build(path: str, expected: bool) -> None:
    assert included(path, (CONTAINER / "Dockerfile.dockerignore").read_text().split()) is expected


def test_both_stages_have_the_same_slim_python() -> None:
    lines = (CONTAINER / "Dockerfile").read_text().splitlines()
    images = [line.split()[1] for line in lines if line.startswith("FROM")]
    assert len(images) == 2 and len(set(images)) == 1 and images[0].endswith("-slim")
