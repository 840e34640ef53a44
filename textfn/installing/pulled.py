"""Pulls a catalogued model: downloads its checkpoint, builds the graph, moves it into place."""

import re
import shutil
from pathlib import Path

from shared.manifest import Manifest, read
from textfn.building.architectures import ARCHITECTURES
from textfn.building.build import SMOOTHING, VOCABULARY, BuildError, build, calibrate
from textfn.checking.model import problems
from textfn.digests import file_sha256
from textfn.installing.hub import RemoteFile, fetch, look_up
from textfn.installing.staging import PULLED, WORK, NoSpace, alone, models_folder, move

HUB = "https://huggingface.co/"
# Never a pickle: safetensors, JSON and text are data, a pickle is a program.
CHECKPOINT = ("config.json", "tokenizer.json", "model.safetensors")
CALIBRATION = Path(__file__).parents[1] / "building" / "calibration.txt"


def install(manifest: Manifest) -> Path:
    """Install a model and return its folder. Raises a Failure or OSError.

    A break leaves only files under .pull; the next call goes on from them.
    """
    _refuse_what_cannot_be_built(manifest)
    repository = manifest.source.removeprefix(HUB)
    files = [look_up(repository, manifest.revision, name) for name in _names(manifest)]
    name = f"{manifest.id}@{files[0].commit[:12]}"
    models = models_folder()
    source, staging = models / WORK / name / "checkpoint", models / WORK / name / "model"
    with alone(source.parent):
        source.mkdir(exist_ok=True)
        _refuse_a_full_disk(files, source)
        digests = [_fetch(file, source, manifest) for file in files]
        _build(manifest, source, staging)
        _write_manifest(manifest, files[0].commit, staging)
        (staging / PULLED).write_text("".join(digests), "utf-8")
        if wrong := problems(read(staging)):
            raise BuildError(f"what was built is wrong and not installed: {'; '.join(wrong)}")
        return move(staging, models / name)


def _refuse_what_cannot_be_built(manifest: Manifest) -> None:
    if manifest.architecture not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise BuildError(
            f"{manifest.id}: the architecture {manifest.architecture or '(none given)'} cannot be "
            f"built here yet, only {known}"
        )
    if not manifest.source.startswith(HUB):
        raise BuildError(f"{manifest.id}: its source is not a repository of {HUB}")


def _names(manifest: Manifest) -> list[str]:
    """Name the files of a checkpoint; the manifest of an old one names vocab.txt."""
    old = VOCABULARY in manifest.checkpoint_sha256
    return [VOCABULARY if old and name == "tokenizer.json" else name for name in CHECKPOINT]


def _refuse_a_full_disk(files: list[RemoteFile], folder: Path) -> None:
    """Require room for the rest of the download and for the graph, a third of the weights."""
    size = sum(file.size for file in files)
    here = sum(path.stat().st_size for path in folder.iterdir())
    needed, free = size - here + size // 3, shutil.disk_usage(folder).free
    if free < needed:
        raise NoSpace(f"{folder}: {_megabytes(needed)} are needed, {_megabytes(free)} are free")


def _fetch(file: RemoteFile, folder: Path, manifest: Manifest) -> str:
    print(f"{manifest.id}: {file.name}, {_megabytes(file.size)}", flush=True)
    return f"{fetch(file, folder, manifest.checkpoint_sha256.get(file.name, ''))}  {file.name}\n"


def _build(manifest: Manifest, source: Path, staging: Path) -> None:
    print(f"{manifest.id}: calibrating and building", flush=True)
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    shutil.copy(manifest.folder / "manifest.toml", staging)
    calibrate(source, staging, CALIBRATION.read_text("utf-8").splitlines())
    build(source, staging)
    (staging / SMOOTHING).unlink()


def _write_manifest(manifest: Manifest, commit: str, staging: Path) -> None:
    """Write the catalogue's manifest, with the pulled commit and the digests of the built files."""
    text = (manifest.folder / "manifest.toml").read_text("utf-8")
    text = re.sub(r"^revision = .*$", f'revision = "{commit}"', text, flags=re.MULTILINE)
    built = sorted(path for path in staging.iterdir() if path.name != "manifest.toml")
    lines = [f'"{path.name}" = "{file_sha256(path)}"' for path in built]
    text += "\n[sha256]\n" + "\n".join(lines) + "\n"
    (staging / "manifest.toml").write_text(text, "utf-8")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
