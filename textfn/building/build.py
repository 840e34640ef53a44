"""Builds a model folder's files from a checkpoint.

The files are the same bytes on any machine: nothing here multiplies matrices or calls exp or
log. The smoothing factors, which need both, are committed beside the model.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from tokenizers.implementations import BertWordPieceTokenizer

from shared.inference.batching import padded
from shared.manifest import Manifest, read
from textfn.building.calibrate import activation_ranges
from textfn.building.checkpoint import Encoder, Head, read_checkpoint, read_config
from textfn.building.encoder_graph import build_graph
from textfn.building.external import write_graphs
from textfn.building.kernel_graph import write_kernel_graph
from textfn.building.quantize import smooth, smoothing_factors
from textfn.failure import Failure

SMOOTHING = "smoothing.npz"
VOCABULARY = "vocab.txt"


class BuildError(Failure):
    """The build cannot go on."""


def build(source: Path, destination: Path) -> None:
    """Write the model files of `destination`, a folder with a manifest, from a checkpoint.

    Raises BuildError or CheckpointError.
    """
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
    for pooling in manifest.pooling:
        write_kernel_graph(manifest.graph(pooling))
    manifest.tokenizer.write_bytes(_plain_tokenizer(source))


def _refuse_what_does_not_fit(
    manifest: Manifest, encoder: Encoder, head: Head | None, config: dict[str, Any]
) -> None:
    """Refuse a manifest that contradicts the checkpoint."""
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
    """Return tokenizer.json without truncation and padding, which the caller sets per model."""
    try:
        settings = json.loads(_tokenizer(source)) | {"truncation": None, "padding": None}
        content: str = json.dumps(settings, ensure_ascii=False, separators=(",", ":"))
        Tokenizer.from_str(content)
    except Exception as error:  # the errors of tokenizers have no narrower class
        raise BuildError(f"tokenizer.json cannot be read: {str(error).splitlines()[0]}") from None
    return content.encode()


def _tokenizer(source: Path) -> bytes:
    """Read tokenizer.json, or make one for BERT's uncased words where there is only vocab.txt."""
    if (source / VOCABULARY).exists():
        built: str = BertWordPieceTokenizer(str(source / VOCABULARY), lowercase=True).to_str()
        return built.encode()
    return (source / "tokenizer.json").read_bytes()


def calibrate(source: Path, destination: Path, texts: list[str]) -> None:
    """Write the smoothing factors of `destination` from activation ranges over the texts."""
    encoder, _ = read_checkpoint(source)
    tokenizer = Tokenizer.from_str(_plain_tokenizer(source).decode())
    tokenizer.enable_truncation(read(destination).max_tokens)
    ids = [np.array(encoding.ids, np.int32) for encoding in tokenizer.encode_batch(texts)]
    factors = smoothing_factors(encoder, activation_ranges(encoder, ids))
    np.savez(destination / SMOOTHING, allow_pickle=False, **factors)
