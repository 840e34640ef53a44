"""Checks a bundle, zipped or not."""

import json
import re
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from shared.manifest import BadManifest, read
from textfn.bundling.assembly import WEB
from textfn.bundling.inventory import TooBig, check_size, check_upload, files
from textfn.bundling.wheels import Target, pins
from textfn.checking.checks import Check, compare, model_files
from textfn.digests import file_sha256
from textfn.failure import Failure, in_words

AGAIN = "Build it again: textfn bundle."
# What damaged files raise: a zip, a member of it, its inventory or a library.
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)
MACHINES = {62: "x86_64", 183: "arm64"}  # e_machine of an ELF file (System V ABI)


def run(path: Path) -> Iterator[Check]:
    """Check a bundle, a folder or a zip."""
    if not path.exists():
        yield Check("bundle", "fail", f"there is no {path}", AGAIN)
        return
    try:
        yield from _folder(path) if path.is_dir() else _zip(path)
    except OSError as error:
        yield Check("bundle", "fail", in_words(error), AGAIN)
    except (Failure, *DAMAGE) as error:
        yield Check("bundle", "fail", f"{path}: {error}", AGAIN)


def _zip(path: Path) -> Iterator[Check]:
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as name:
        archive.extractall(name)
        yield from _archive(path)
        yield from _folder(Path(name))


def _archive(path: Path) -> Iterator[Check]:
    for warning in check_upload(path.stat().st_size):
        yield Check("upload", "warn", warning, "Deploy it with SAM or serverless.")
    inventory = path.with_suffix(".json")
    if not inventory.exists():
        yield Check("inventory", "warn", f"{inventory.name} is not beside it", AGAIN)
    elif _listed(inventory) != file_sha256(path):
        yield Check("inventory", "fail", f"{inventory.name} is of another zip", AGAIN)
    else:
        yield Check("inventory", "ok", f"{inventory.name} is of this zip")


def _listed(inventory: Path) -> object:
    """Return the zip's sha256 of an inventory; nothing of a file that is none."""
    try:
        return json.loads(inventory.read_text("utf-8"))["zip"]["sha256"]
    except (ValueError, KeyError, TypeError):
        return None


def _folder(folder: Path) -> Iterator[Check]:
    found = files(folder)
    if "functions/__init__.py" not in found or "shared/__init__.py" not in found:
        yield Check("bundle", "fail", f"{folder} holds no function of textfn", AGAIN)
        return
    yield from _size(found)
    target, checks = _target(found)
    yield from checks
    yield from _packages(found, target)
    yield from _model(folder)
    if b"ORT_DISABLE_TELEMETRY" in found["shared/__init__.py"].read_bytes():
        yield Check("telemetry", "ok", "onnxruntime's is off")
    else:
        yield Check("telemetry", "fail", "onnxruntime would report to its maker", AGAIN)


def _size(found: dict[str, Path]) -> Iterator[Check]:
    sizes = {name: path.stat().st_size for name, path in found.items()}
    try:
        warnings = check_size(sizes)
    except TooBig as error:
        yield Check("size", "fail", str(error), "Bundle a smaller model, or use a container image.")
        return
    if warnings:
        yield Check("size", "warn", warnings[0], "AWS refuses a bundle that is a little bigger.")
    else:
        yield Check("size", "ok", f"{sum(sizes.values()) / 1e6:.1f} MB unzipped")


def _target(found: dict[str, Path]) -> tuple[Target, list[Check]]:
    """Find the Python and the processor that libraries and bytecode are for."""
    machines = {_machine(path) for name, path in found.items() if ".so" in name}
    tags = {tag for name in found for tag in re.findall(r"\.cpython-3(\d+)(?:-|\.pyc)", name)}
    python = f"3.{min(tags, key=int)}" if tags else ".".join(map(str, sys.version_info[:2]))
    arch = min(machines, default="")
    checks = []
    if len(machines) != 1 or len(tags) != 1:
        text = f"libraries for {', '.join(sorted(machines))}, Python 3.{', 3.'.join(sorted(tags))}"
        checks.append(Check("target", "fail", text, AGAIN))
    else:
        checks.append(Check("target", "ok", f"Python {python} on {arch}"))
    if not any(name.endswith(".pyc") for name in found):
        remedy = f"Bundle it on a machine with python{python}."
        checks.append(Check("bytecode", "warn", "none: each cold start compiles", remedy))
    return Target(python, arch), checks


def _machine(path: Path) -> str:
    with path.open("rb") as library:
        head = library.read(20)
    if head[:4] != b"\x7fELF":
        return "no Linux"
    return MACHINES.get(struct.unpack("<H", head[18:20])[0], "another processor")


def _packages(found: dict[str, Path], target: Target) -> Iterator[Check]:
    names = [match for name in found if (match := re.match(r"(.+)-(.+)\.dist-info/METADATA", name))]
    versions = {each[1].replace("_", "-").lower(): each[2] for each in names}
    versions |= {name: "" for name in WEB if name not in versions}
    pinned = {
        name: line.split()[0].split("==")[1] for name in versions for line in pins([name], target)
    }
    yield from compare(versions, pinned, AGAIN)


def _model(folder: Path) -> Iterator[Check]:
    try:
        manifests = [read(path.parent) for path in sorted(folder.glob("models/*/manifest.toml"))]
    except BadManifest as error:
        yield Check("models", "fail", str(error), AGAIN)
        return
    if (folder / "functions" / "catalogue.py").exists():
        yield Check("models", "ok", f"none to open, {len(manifests)} to tell of")
    else:
        yield from model_files(manifests)
