"""Sentences a second of textfn against the usual recipe for the same weights, on one thread.

The usual recipe is the exported graph, dynamically quantized per channel, in batches of 32 texts
in the order they come. A third side runs that graph in textfn's batches, to tell the graph's share
from the batching's. All tokenize, run, pool and normalize the same 500 texts.
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ |= {"TEXTFN_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}  # read at import

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from benchmarks.stock import write_stock_int8
from shared import batching
from shared.library import Library
from tools.build import CACHE, fetch

HERE = Path(__file__).parent
ROUNDS = 7
BATCH = 32
Vectors = NDArray[np.float32]


def main() -> None:
    texts = (HERE / "sentences.txt").read_text("utf-8").splitlines()
    checkpoint = fetch("all-minilm-l6-v2")
    stock_file = CACHE / "stock-int8.onnx"
    if not stock_file.exists():
        write_stock_int8(checkpoint, stock_file)
    stock = Stock(stock_file, checkpoint / "tokenizer.json")
    ours = Library("text-embeddings")["all-minilm-l6-v2"]
    sides: dict[str, Callable[[list[str]], Vectors]] = {
        "textfn": lambda texts: ours.embed(texts).values,
        f"per-channel dynamic int8, batches of {BATCH} in natural order": stock.embed,
        "per-channel dynamic int8, textfn's batches": stock.embed_in_runs,
    }
    vectors = [embed(texts) for embed in sides.values()]  # and all are warm
    cosine = float((vectors[0] * vectors[1]).sum(axis=1).mean())
    report(len(texts), rounds(sides, texts), cosine)


class Stock:
    """The usual recipe's model, at onnxruntime's default optimization."""

    def __init__(self, file: Path, tokenizer_file: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self.tokenizer.enable_truncation(256)
        self.tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )

    def embed(self, texts: list[str]) -> Vectors:
        order = list(range(len(texts)))
        runs = [order[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        return self._embed(self._tokenize(texts), runs)

    def embed_in_runs(self, texts: list[str]) -> Vectors:
        ids = self._tokenize(texts)
        return self._embed(ids, batching.plan([len(each) for each in ids], 256))

    def _tokenize(self, texts: list[str]) -> list[list[int]]:
        return [each.ids for each in self.tokenizer.encode_batch(texts)]

    def _embed(self, ids: list[list[int]], runs: list[list[int]]) -> Vectors:
        vectors = np.empty((len(ids), 384), np.float32)
        for run in runs:
            vectors[run] = self._infer([ids[index] for index in run])
        return vectors

    def _infer(self, ids: list[list[int]]) -> Vectors:
        input_ids, mask = (each.astype(np.int64) for each in batching.pad(ids))
        feeds = {"input_ids": input_ids, "attention_mask": mask}
        feeds["token_type_ids"] = np.zeros_like(input_ids)
        weights = mask[:, :, None].astype(np.float32)
        pooled = (self.session.run(None, feeds)[0] * weights).sum(axis=1) / weights.sum(axis=1)
        vectors: Vectors = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return vectors


def rounds(
    sides: dict[str, Callable[[list[str]], Vectors]], texts: list[str]
) -> dict[str, list[float]]:
    """Seconds of every side in every round; the sides take turns."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(ROUNDS):
        print(f"round {number + 1} of {ROUNDS}", flush=True)
        for name, embed in sides.items():
            times[name].append(seconds(embed, texts))
    return times


def seconds(embed: Callable[[list[str]], Vectors], texts: list[str]) -> float:
    start = time.perf_counter()
    embed(texts)
    return time.perf_counter() - start


def report(count: int, times: dict[str, list[float]], cosine: float) -> None:
    """Prints and writes benchmarks/results.md."""
    ours = next(iter(times.values()))
    lines = [
        "# Throughput",
        "",
        f"{count} mixed texts (`sentences.txt`), one thread, {len(ours)} interleaved rounds; "
        f"onnxruntime {onnxruntime.__version__}. Read the ratios: absolute numbers move.",
        "",
        "| | sentences a second, median | textfn is faster by, median (least to most) |",
        "|---|---|---|",
    ]
    for name, theirs in times.items():
        ratios = sorted(their / our for their, our in zip(theirs, ours, strict=True))
        spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        lines.append(f"| {name} | {count / statistics.median(theirs):.0f} | {spread} |")
    lines += ["", f"Mean cosine of textfn's vectors with the stock model's: {cosine:.4f}.", ""]
    (HERE / "results.md").write_text("\n".join(lines), "utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
