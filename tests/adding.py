"""`textfn models add` in the process of the tests, into a folder of models of its own."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.manifest import Manifest, catalogue, read
from textfn.__main__ import main


@contextmanager
def models_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of models beside the bundled ones."""
    from shared import manifest
    from textfn.installing import added as installing

    folder.mkdir()
    for module in (installing, manifest):
        here = dataclasses.replace(module.settings, models_dir=folder)
        monkeypatch.setattr(module, "settings", here)
    catalogue.cache_clear()
    yield folder
    catalogue.cache_clear()


def added(models: Path, folder: Path, *options: str) -> Manifest:
    assert main(["models", "add", str(folder), *options]) == 0
    (found,) = models.glob("*/manifest.toml")
    assert not list(models.glob(".pull/*"))
    catalogue.cache_clear()
    return read(found.parent)


def refused(
    models: Path, capsys: pytest.CaptureFixture[str], folder: Path, *options: str, code: int = 1
) -> str:
    """The one line of an `add` that installs nothing."""
    assert main(["models", "add", str(folder), *options]) == code
    error = capsys.readouterr().err
    assert error.startswith("textfn models add: ") and len(error.splitlines()) == 1
    assert not [path for path in models.rglob("*") if path.name != ".pull"]
    return error
