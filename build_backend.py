"""Build the package with setuptools, from a copy of the checkout in the layout of a wheel.

These are the hooks of PEP 517 and PEP 660. An editable installation and a source distribution have
the layout of the checkout; docs/architecture.md gives the reasons. No hook prepares the metadata of
a wheel in advance, because setuptools would describe the layout of the checkout.
"""

import contextlib
import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    build_sdist,
    prepare_metadata_for_build_editable,
)

from textfn.layout import MOVED, PACKAGE, into_package

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "prepare_metadata_for_build_editable",
]

CHECKOUT = Path(__file__).parent
# METADATA is for setuptools. DATA is what the code reads below `textfn.layout.ROOT`.
METADATA = ("README.md", "LICENSE", "THIRD_PARTY_NOTICES.md")
DATA = ("LICENSE", "THIRD_PARTY_NOTICES.md", "requirements/runtime.txt")


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Write the wheel into a folder and return its file name."""
    destination = str(Path(wheel_directory).absolute())
    with tempfile.TemporaryDirectory() as name:
        lay_out(Path(name))
        with contextlib.chdir(name):
            built: str = build_meta.build_wheel(destination, config_settings)
            return built


def lay_out(folder: Path) -> None:
    """Copy the checkout into an empty folder, all of it inside one package."""
    for name in METADATA:
        _copy(CHECKOUT / name, folder / name)
    project = (CHECKOUT / "pyproject.toml").read_text("utf-8")
    project = project.replace('attr = "shared.', f'attr = "{PACKAGE}.shared.')
    (folder / "pyproject.toml").write_text(project, "utf-8")
    package = folder / PACKAGE
    for source in (CHECKOUT / PACKAGE, *(CHECKOUT / name for name in MOVED)):
        destination = package if source.name == PACKAGE else package / source.name
        shutil.copytree(source, destination, ignore=_unwanted)
    for path in package.rglob("*.py"):
        try:
            path.write_bytes(into_package(path.read_bytes()))
        except ValueError as error:
            raise SystemExit(f"{path.relative_to(folder)}: {error}") from None
    for name in DATA:
        _copy(CHECKOUT / name, package / name)
    for manifest in (CHECKOUT / "models").glob("*/manifest.toml"):
        _copy_model(manifest, package / "models" / manifest.parent.name)


def _unwanted(folder: str, names: list[str]) -> set[str]:
    """Return the names that a wheel leaves out: bytecode, and folders that need the checkout."""
    return {"__pycache__", "generating", "training"} & set(names)


def _copy_model(manifest: Path, destination: Path) -> None:
    """Copy the files that the manifest lists. A model that was pulled into models/ is left out."""
    if "@" in manifest.parent.name:
        return
    listed = tomllib.loads(manifest.read_text("utf-8")).get("sha256", {})
    for name in (manifest.name, "MODEL_CARD.md", *listed):
        if (manifest.parent / name).exists():
            _copy(manifest.parent / name, destination / name)


def _copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, destination)
