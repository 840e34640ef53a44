"""Run `textfn models add` in the process of the tests, into a folder of models of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.manifest import Manifest, read
from textfn.__main__ import main


@contextmanager
def models_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a folder of models beside the bundled ones."""
    folder.mkdir()
    monkeypatch.setenv("TEXTFN_MODELS_DIR", str(folder))
    yield folder


def added(models: Path, folder: Path, *options: str) -> Manifest:
    assert main(["models", "add", str(folder), *options]) == 0
    (found,) = models.glob("*/manifest.toml")
    assert not list(models.glob(".pull/*"))
    return read(found.parent)


def refused(
    models: Path, capsys: pytest.CaptureFixture[str], folder: Path, *options: str, code: int = 1
) -> str:
    """Return the one line of an `add` that installs nothing."""
    assert main(["models", "add", str(folder), *options]) == code
    error = capsys.readouterr().err
    assert error.startswith("textfn models add: ") and len(error.splitlines()) == 1
    assert not [path for path in models.rglob("*") if path.name != ".pull"]
    return error
