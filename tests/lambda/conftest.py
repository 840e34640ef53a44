"""The bundles, unzipped, and the resolver of this network; run.py made both."""

import json
import os
import socket
import struct
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from function import Function, make_runtime, running

BUNDLES = Path(os.environ["TEXTFN_BUNDLES"])
NAMES = (
    "text-embeddings-all-minilm-l6-v2",
    "sentence-similarity-all-minilm-l6-v2",
    "text-classification-minilm-l6-sst2-int8",
    "catalogue",
)
figures: list[str] = []


class Bundle(NamedTuple):
    name: str
    zip: Path
    folder: Path
    runtime: Path

    @property
    def papers(self) -> Any:
        return json.loads(self.zip.with_suffix(".json").read_text())

    def running(self, **settings: str | None) -> Any:
        return running(self.folder, self.runtime, self.papers["handler"], **settings)


class Bundles(NamedTuple):
    folder: Path

    def __getitem__(self, name: str) -> Bundle:
        archive, folder = BUNDLES / "x86_64" / f"{name}.zip", self.folder / name
        if os.uname().machine == "aarch64":
            archive = BUNDLES / "arm64" / f"{name}.zip"
        if not folder.exists():
            with zipfile.ZipFile(archive) as content:
                content.extractall(folder)
        return Bundle(name, archive, folder, self.folder / "runtime")


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    folder = tmp_path_factory.mktemp("var")
    make_runtime(folder / "runtime")
    return Bundles(folder)


@pytest.fixture(scope="module", params=NAMES)
def bundle(bundles: Bundles, request: pytest.FixtureRequest) -> Bundle:
    return bundles[request.param]


@pytest.fixture(scope="module")
def embeddings(bundles: Bundles) -> Iterator[Function]:
    with bundles[NAMES[0]].running() as function:
        function.wait_until_ready()
        yield function


@pytest.fixture(scope="session")
def looked_up() -> Iterator[list[str]]:
    """Collect every name that a process of this network asks for. The answer is "no such name"."""
    names: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.bind(("127.0.0.1", 53))

        def serve() -> None:
            while True:
                question, sender = resolver.recvfrom(512)
                names.append(_name(question))
                # RFC 1035, 4.1.1: an answer, recursion available, no such name
                resolver.sendto(question[:2] + struct.pack(">H", 0x8183) + question[4:], sender)

        threading.Thread(target=serve, daemon=True).start()
        yield names


def _name(question: bytes) -> str:
    """Read the name of a question. RFC 1035, 4.1.2: labels with their lengths from byte 12 on."""
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode())
        at += 1 + question[at]
    return ".".join(labels)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for figure in figures:
        terminalreporter.write_line(figure)
    terminalreporter.write_line(f"Python {sys.version.split()[0]}")
