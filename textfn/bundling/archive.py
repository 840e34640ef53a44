"""A bundle as a zip: built, run once, weighed, and described beside it."""

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
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

SMOKE = Path(__file__).parents[1] / "bundling" / "smoke.py"


def write(bundle: Bundle, target: Target, options: argparse.Namespace) -> None:
    wheels = download(bundle.packages, target)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        assemble(bundle, wheels, target, folder)
        check_size_of(folder, bundle)
        measured = smoke(bundle, target, folder)
        if options.folder:
            shutil.copytree(folder, options.folder, dirs_exist_ok=True)
            return print(f"{bundle.name}: {options.folder}{measured}")
        options.out.mkdir(parents=True, exist_ok=True)
        archive = options.out / f"{bundle.name}.zip"
        write_zip(folder, archive)
        for warning in check_upload(archive.stat().st_size):
            print(f"textfn bundle: {bundle.name}: {warning}", file=sys.stderr)
        _write_papers(bundle, wheels, target, folder, archive)
        unzipped = sum(path.stat().st_size for path in files(folder).values())
        sizes = f"{archive.stat().st_size / 1e6:.1f} MB, unzipped {unzipped / 1e6:.1f} MB"
        print(f"{archive}: {sizes}{measured}")


def check_size_of(folder: Path, bundle: Bundle) -> None:
    sizes = {name: path.stat().st_size for name, path in files(folder).items()}
    for warning in check_size(sizes):
        print(f"textfn bundle: {bundle.name}: {warning}", file=sys.stderr)


def smoke(bundle: Bundle, target: Target, folder: Path) -> str:
    """Runs the function where this machine can; what it took. Raises BundleError."""
    if target.machine != platform.machine() or sys.platform != "linux":
        return "; not run: it is for another machine"
    if not (python := interpreter(target.python)):
        return f"; not run: there is no python{target.python} here"
    environment = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9", "TEXTFN_AUTH": "none"}
    environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = "1769"
    model = bundle.model.id if bundle.model else ""
    command = [python, "-I", "-S", "-B", str(SMOKE), str(folder), bundle.task, model]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise BundleError(f"{bundle.name} does not run: {done.stderr.strip()}")
    measured = json.loads(done.stdout.splitlines()[-1])
    peak = measured["peak_bytes"] / 1e6
    return f", starts in {measured['init_cpu_seconds']:.2f} CPU s, peak {peak:.0f} MB"


def write_zip(folder: Path, archive: Path) -> None:
    """The same bytes for the same files, whenever and wherever: no dates, owners or modes."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as written:
        for name, path in files(folder).items():
            member = zipfile.ZipInfo(name)  # its date is 1980-01-01
            member.create_system = 3  # Unix, whose modes these are
            member.external_attr = 0o100644 << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            written.writestr(member, path.read_bytes())


def _write_papers(
    bundle: Bundle, wheels: Sequence[Wheel], target: Target, folder: Path, archive: Path
) -> None:
    """The inventory, <name>.json, and the bill of materials, <name>.cdx.json."""
    found = describe(folder)
    listed = {
        "name": bundle.name,
        "version": VERSION,
        "handler": f"{bundle.module}.handler",
        "python": target.python,
        "arch": target.arch,
        "zip": {"bytes": archive.stat().st_size, "sha256": file_sha256(archive)},
        "unzipped_bytes": sum(each["bytes"] for each in found.values()),
        "packages": {wheel.name: wheel.file.name for wheel in wheels},
        "files": found,
    }
    models = [bundle.model] if bundle.model else []
    bill = bill_of_materials(bundle.name, VERSION, wheels, models)
    for suffix, content in ((".json", listed), (".cdx.json", bill)):
        archive.with_suffix(suffix).write_text(json.dumps(content, indent=1) + "\n", "utf-8")
