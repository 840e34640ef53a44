"""Pulls a catalogued model: downloads its checkpoint, builds the graph, moves it into place."""

import re
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tqdm import tqdm

from shared.manifest import Manifest, read
from textfn.building.architectures import ARCHITECTURES
from textfn.building.build import SMOOTHING, BuildError, build, calibrate
from textfn.checking.model import problems
from textfn.digests import file_sha256
from textfn.installing.sources import HUB, Carried, Source, first
from textfn.installing.staging import PULLED, WORK, NoSpace, alone, models_folder, move

CALIBRATION = Path(__file__).parents[1] / "building" / "calibration.txt"


def install(manifest: Manifest, carried: Path | None = None) -> Path:
    """Install a model and return its folder. Raises a Failure or OSError.

    The checkpoint comes from the Hub, from a mirror if the Hub fails, or from `carried`, a folder.
    A break leaves only files under .pull; the next call goes on from them.
    """
    _refuse_what_cannot_be_built(manifest)
    if carried:
        return _install(manifest, Carried(manifest, carried))
    return first(manifest, partial(_install, manifest))


def _install(manifest: Manifest, source: Source) -> Path:
    models = models_folder()
    name = f"{manifest.id}@{source.version}"
    checkpoint, staging = models / WORK / name / "checkpoint", models / WORK / name / "model"
    with alone(checkpoint.parent):
        checkpoint.mkdir(exist_ok=True)
        _refuse_a_full_disk(source, checkpoint)
        digests = fetch(source, checkpoint, manifest.id)
        _build(manifest, checkpoint, staging)
        _write_manifest(manifest, source.revision, staging)
        lines = [f"{digests[name]}  {name}\n" for name in digests]
        (staging / PULLED).write_text("".join(lines), "utf-8")
        if wrong := problems(read(staging)):
            raise BuildError(f"what was built is wrong and not installed: {'; '.join(wrong)}")
        return move(staging, models / name)


def fetch(source: Source, folder: Path, model: str) -> Mapping[str, str]:
    """Write a source's checkpoint into the folder, with one bar on a terminal.

    Returns the sha256 of each file. Raises a Failure or OSError.
    """
    print(f"{model}: {_megabytes(source.size)} from {source}", flush=True)
    with tqdm(total=source.size, unit="B", unit_scale=True, disable=None) as bar:
        return source.fetch(folder, bar)


def _refuse_what_cannot_be_built(manifest: Manifest) -> None:
    if manifest.architecture not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise BuildError(
            f"{manifest.id}: the architecture {manifest.architecture or '(none given)'} cannot be "
            f"built here yet, only {known}"
        )
    if not manifest.source.startswith(HUB):
        raise BuildError(f"{manifest.id}: its source is not a repository of {HUB}")


def _refuse_a_full_disk(source: Source, folder: Path) -> None:
    here = sum(path.stat().st_size for path in folder.rglob("*"))
    needed, free = source.room - here, shutil.disk_usage(folder).free
    if free < needed:
        raise NoSpace(f"{folder}: {_megabytes(needed)} are needed, {_megabytes(free)} are free")


def _build(manifest: Manifest, source: Path, staging: Path) -> None:
    print(f"{manifest.id}: calibrating and building", flush=True)
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    shutil.copy(manifest.folder / "manifest.toml", staging)
    calibrate(source, staging, CALIBRATION.read_text("utf-8").splitlines())
    build(source, staging)
    (staging / SMOOTHING).unlink()


def _write_manifest(manifest: Manifest, revision: str, staging: Path) -> None:
    """Write the catalogue's manifest, with the revision and the digests of the built files."""
    text = (manifest.folder / "manifest.toml").read_text("utf-8")
    text = re.sub(r"^revision = .*$", f'revision = "{revision}"', text, flags=re.MULTILINE)
    built = sorted(path for path in staging.iterdir() if path.name != "manifest.toml")
    lines = [f'"{path.name}" = "{file_sha256(path)}"' for path in built]
    text += "\n[sha256]\n" + "\n".join(lines) + "\n"
    (staging / "manifest.toml").write_text(text, "utf-8")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
