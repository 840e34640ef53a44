"""`python -m benchmarks.full_size [NAME ...]`: measure the catalogued models at their full size.

It builds, opens and runs random weights of the same sizes, beside the usual recipe's int8 of a BERT
of that size. Each step runs in a process of its own, so that a peak of memory belongs to one step.
It writes benchmarks/full_size.md.
"""

import os
import sys

# One thread on all sides. Set before the imports below read these variables.
os.environ |= {"TEXTFN_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from benchmarks.shapes import SHAPES, Shape, write_checkpoint
from benchmarks.stock import INPUTS, write_stock_int8
from shared.inference.session import Graph
from textfn.building.build import SMOOTHING, build, calibrate
from textfn.installing.pulled import CALIBRATION

LENGTHS = (8, 32, 128)
ROUNDS = 40
MANIFEST = """id = "{name}"
tasks = ["text-embeddings"]
description = "random weights"
source = "benchmarks/full_size.py"
revision = "seed 1"
licence = "Apache-2.0"
max_tokens = 128
pooling = ["mean"]
dimensions = {width}
"""


@dataclass(frozen=True)
class Step:
    """Seconds, and the largest resident set of its process in MB."""

    seconds: float
    peak: float


HEAD = f"""# Full size

`python -m benchmarks.full_size` builds, opens and runs models of the catalogue's sizes, with random
weights. "Stock" is the usual recipe (export, then per-channel dynamic int8) for a BERT of that
size. Each run has one text and one thread. The two sides take turns, and each figure is the median
of {ROUNDS} rounds. The machine was shared, so compare the ratios, not the times. onnxruntime
{onnxruntime.__version__}.
"""
BUILD = [
    "calibration, s",
    "build, s",
    "peak of both, MB",
    "files, MB (stock)",
    "open and first run, s (stock)",
    "resident memory after it, MB (stock)",
]
RUN = [f"{length} tokens, ms: ours, stock, stock / ours" for length in LENGTHS]


def main() -> None:
    rows = [_measured(name) for name in sys.argv[1:] or SHAPES]
    build, run = zip(*rows, strict=True)
    text = "\n".join([HEAD, *_table(BUILD, build), "", *_table(RUN, run), ""])
    (Path(__file__).parent / "full_size.md").write_text(text, "utf-8")
    print(text)


def _table(columns: Sequence[str], rows: Sequence[str]) -> list[str]:
    return [f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}", *rows]


def _measured(name: str) -> tuple[str, str]:
    """Return a line of each table."""
    shape = SHAPES[name]
    with tempfile.TemporaryDirectory() as folder:
        ours, stock = Path(folder) / "ours", Path(folder) / "stock"
        print(f"{name}: building", flush=True)
        _apart(write_checkpoint, shape, Path(folder) / "checkpoint")
        calibrated, built = _apart(_build, name, shape, ours)
        print(f"{name}: the stock recipe", flush=True)
        _apart(_build_stock, shape, stock)
        graphs = ours / "model.onnx", stock / "model.onnx"
        print(f"{name}: running", flush=True)
        opened = [
            _apart(_open, kind, path) for kind, path in zip((True, False), graphs, strict=True)
        ]
        times = _apart(_run, *graphs)
        sizes = [
            sum(path.stat().st_size for path in each.glob("model.onnx*")) / 1e6
            for each in (ours, stock)
        ]
    return (
        f"| {name} | {calibrated.seconds:.1f} | {built.seconds:.1f} "
        f"| {max(calibrated.peak, built.peak):.0f} | {sizes[0]:.0f} ({sizes[1]:.0f}) "
        f"| {opened[0].seconds:.2f} ({opened[1].seconds:.2f}) "
        f"| {opened[0].peak:.0f} ({opened[1].peak:.0f}) |",
        f"| {name} | {' | '.join(_compared(*each) for each in times)} |",
    )


def _apart(function: Callable[..., Any], *args: Any) -> Any:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(function, *args).result()


def _step(start: float) -> Step:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KB on Linux
    return Step(time.perf_counter() - start, peak)


def _build(name: str, shape: Shape, folder: Path) -> tuple[Step, Step]:
    checkpoint = folder.parent / "checkpoint"
    folder.mkdir()
    (folder / "manifest.toml").write_text(MANIFEST.format(name=name, width=shape.width), "utf-8")
    start = time.perf_counter()
    calibrate(checkpoint, folder, CALIBRATION.read_text("utf-8").splitlines())
    calibrated, start = _step(start), time.perf_counter()
    build(checkpoint, folder)
    (folder / SMOOTHING).unlink()
    return calibrated, _step(start)


def _build_stock(shape: Shape, folder: Path) -> None:
    write_checkpoint(replace(shape, model_type="bert"), folder / "checkpoint")
    write_stock_int8(folder / "checkpoint", folder / "model.onnx")


def _open(own: bool, path: Path) -> Step:
    """Measure a start, until the first text has its answer."""
    start = time.perf_counter()
    _runner(own, path)(8)
    return _step(start)


def _run(own: Path, stock: Path) -> list[tuple[list[float], list[float]]]:
    """Return, per length, the seconds of one text in every round, ours and stock."""
    sides = [_runner(True, own), _runner(False, stock)]
    measured = []
    for length in LENGTHS:
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS + 1):
            for side, seconds in zip(sides, times, strict=True):
                start = time.perf_counter()
                side(length)
                seconds.append(time.perf_counter() - start)
        measured.append((times[0][1:], times[1][1:]))
    return measured


def _runner(own: bool, path: Path) -> Callable[[int], Any]:
    """Return a function that runs one text of so many tokens."""
    if own:
        graph = Graph(path)
        return lambda length: graph.run([[5] * length], "mean")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(length: int) -> Any:
        ones = np.ones((1, length), np.int64)
        return session.run(None, dict(zip(INPUTS, (5 * ones, ones, 0 * ones), strict=True)))

    return run


def _compared(ours: list[float], stock: list[float]) -> str:
    ratio = statistics.median(theirs / mine for mine, theirs in zip(ours, stock, strict=True))
    return f"{statistics.median(ours) * 1e3:.1f}, {statistics.median(stock) * 1e3:.1f}, {ratio:.2f}"


if __name__ == "__main__":
    main()
