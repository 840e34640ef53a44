"""How near an installed int8 model is to the fp32 weights of its checkpoint.

`python -m benchmarks.fidelity NAME CHECKPOINT [FILE]` prints the mean and the lowest cosine over
the lines of a file, and the texts that are farthest. `make models` leaves the checkpoint of
all-minilm-l6-v2 in .cache/all-minilm-l6-v2.
"""

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from shared.inference.model import Model
from shared.inference.numerics import Array
from textfn.building.checkpoint import read_checkpoint
from textfn.building.encoder_graph import build_graph
from textfn.known import find

SENTENCES = Path(__file__).with_name("sentences.txt")
SHOWN = 3


def fp32(checkpoint: Path, pooling: str, max_tokens: int, texts: list[str]) -> Array:
    """The vectors [texts, dimensions] of the unquantized graph. Each text runs alone, unpadded."""
    encoder, _ = read_checkpoint(checkpoint)
    graph = build_graph(encoder, pooling=pooling, quantized=False).SerializeToString()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    ids = [np.array([tokenizer.encode(text).ids], np.int32) for text in texts]
    fed = [{"input_ids": each, "attention_mask": np.ones_like(each)} for each in ids]
    return np.concatenate([session.run(None, each)[0] for each in fed])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="an installed model with vectors")
    parser.add_argument("checkpoint", type=Path, help="config.json, tokenizer.json, safetensors")
    parser.add_argument("file", type=Path, nargs="?", default=SENTENCES, help="one text per line")
    options = parser.parse_args()
    texts = [line for line in options.file.read_text("utf-8").splitlines() if line]
    manifest = find(options.name)
    for pooling in manifest.pooling:
        expected = fp32(options.checkpoint, pooling, manifest.max_tokens, texts)
        found = Model(manifest).embed(texts, pooling=pooling, normalize=True).values
        cosines = np.sum(found * expected, axis=1) / np.linalg.norm(expected, axis=1)
        print(
            f"{manifest.id}, {pooling}, {len(texts)} texts: "
            f"mean cosine {cosines.mean():.4f}, lowest {cosines.min():.4f}"
        )
        for index in np.argsort(cosines)[:SHOWN]:
            print(f"  {cosines[index]:.4f}  {texts[index][:80]}")


if __name__ == "__main__":
    main()
