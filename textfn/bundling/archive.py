"""A bundle as a folder or a zip: assembled, run once, measured, and described beside it."""

import json
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.version import VERSION
from textfn.bundling.assembly import Bundle, BundleError, assemble, interpreter
from textfn.bundling.inventory import (
    bill_of_materials,
    check_size,
    check_upload,
    describe,
    files,
)
from textfn.bundling.wheels import Target, Wheel, download
from textfn.digests import file_sha256

SMOKE = Path(__file__).parent / "smoke.py"


@dataclass(frozen=True)
class Built:
    """An assembled bundle; `measured` says in words what its start took, where it was run."""

    bundle: Bundle
    target: Target
    wheels: list[Wheel]
    folder: Path
    measured: str
    warnings: list[str]

    @property
    def unzipped(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in files(self.folder).values())


@contextmanager
def built(bundle: Bundle, target: Target) -> Iterator[Built]:
    """Assemble a bundle in a temporary folder. Raises BundleError, WheelError or TooBig."""
    wheels = download(bundle.packages, target)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        assemble(bundle, wheels, target, folder)
        sizes = {name: path.stat().st_size for name, path in files(folder).items()}
        warnings = check_size(sizes)
        yield Built(bundle, target, wheels, folder, smoke(bundle, target, folder), warnings)


def write_archive(built: Built, out: Path) -> tuple[Path, list[str]]:
    """Write the zip, its inventory and its SBOM; return the zip's path and warnings about it."""
    out.mkdir(parents=True, exist_ok=True)
    archive = out / f"{built.bundle.name}.zip"
    write_zip(built.folder, archive)
    _describe(built, archive)
    return archive, check_upload(archive.stat().st_size)


def write_folder(built: Built, folder: Path) -> None:
    shutil.copytree(built.folder, folder, dirs_exist_ok=True)


def smoke(bundle: Bundle, target: Target, folder: Path) -> str:
    """Run the function where this machine can, and say what it took. Raises BundleError."""
    if target.machine != platform.machine() or sys.platform != "linux":
        return "; not run: it is for another machine"
    if not (python := interpreter(target.python)):
        return f"; not run: there is no python{target.python} here"
    environment = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9", "TEXTFN_AUTH": "none"}
    environment["_HANDLER"] = f"{bundle.module}.handler"
    environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = "1769"
    model = bundle.model.id if bundle.model else ""
    command = [python, "-I", "-S", "-B", str(SMOKE), str(folder), bundle.task, model]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise BundleError(f"{bundle.name} does not run: {reason}")
    measured = json.loads(done.stdout.splitlines()[-1])
    peak = measured["peak_bytes"] / 1e6
    return f", starts in {measured['init_cpu_seconds']:.2f} CPU s, peak {peak:.0f} MB"


def write_zip(folder: Path, archive: Path) -> None:
    """Write the same bytes for the same files on any machine: no dates, owners or modes."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as written:
        for name, path in files(folder).items():
            member = zipfile.ZipInfo(name)  # its date is 1980-01-01
            member.create_system = 3  # Unix, whose modes these are
            member.external_attr = 0o100644 << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            written.writestr(member, path.read_bytes())


def _describe(built: Built, archive: Path) -> None:
    """Write the inventory, <name>.json, and the SBOM, <name>.cdx.json."""
    bundle = built.bundle
    listed = {
        "name": bundle.name,
        "version": VERSION,
        "handler": f"{bundle.module}.handler",
        "python": built.target.python,
        "arch": built.target.arch,
        "zip": {"bytes": archive.stat().st_size, "sha256": file_sha256(archive)},
        "unzipped_bytes": built.unzipped,
        "packages": {wheel.name: wheel.file.name for wheel in built.wheels},
        "files": describe(built.folder),
    }
    models = [bundle.model] if bundle.model else []
    bill = bill_of_materials(bundle.name, VERSION, built.wheels, models)
    for suffix, content in ((".json", listed), (".cdx.json", bill)):
        archive.with_suffix(suffix).write_text(json.dumps(content, indent=1) + "\n", "utf-8")
