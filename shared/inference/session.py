"""An opened model file: token ids in, a row of numbers per text out. Only this uses onnxruntime."""

import functools
import itertools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from shared.errors import Failure
from shared.inference import batching
from shared.inference.numerics import POOLINGS, Array

Ids = NDArray[np.int32]


class CannotFeed(Failure):
    """A graph with an input that token ids and a mask cannot fill; the message names the input."""


def _positions(ids: Ids, mask: Ids) -> Ids:
    return np.broadcast_to(np.arange(ids.shape[1], dtype=np.int32), ids.shape)


# The inputs a graph may have, made of the ids and the mask [texts, tokens]. A text is one segment.
FEEDS: dict[str, Callable[[Ids, Ids], Ids]] = {
    "input_ids": lambda ids, mask: ids,
    "attention_mask": lambda ids, mask: mask,
    "token_type_ids": lambda ids, mask: np.zeros_like(ids),
    "position_ids": _positions,
}
DTYPES: dict[str, type[np.integer[Any]]] = {"tensor(int32)": np.int32, "tensor(int64)": np.int64}


# The inputs of a graph for our own kernels: the ids of all texts behind one another.
PACKED = {"ids", "lengths"}
LIBRARIES = Path(__file__).parent / "kernels"


class Graph:
    """A graph and one of its outputs: the name of the output, or "" for the only one.

    The output is float [texts, width], or [texts, tokens, width], which is pooled here. Raises
    CannotFeed, and what onnxruntime raises for a file that it cannot read.
    """

    def __init__(self, path: Path, output: str = "", *, optimize: bool = False) -> None:
        self.session = open_graph(path, optimize=optimize)
        self.packed = {each.name for each in self.session.get_inputs()} == PACKED
        if self.packed:
            return
        self._inputs = {
            each.name: _dtype(each.name, each.type) for each in self.session.get_inputs()
        }
        self._outputs = [output] if output else None
        if missing := {"input_ids", "attention_mask"} - self._inputs.keys():
            raise CannotFeed(f"{path.name} has no input {' and no '.join(sorted(missing))}")

    def run(self, texts: Sequence[Sequence[int]], pooling: str) -> Array:
        """Token ids of texts that run together -> float32 [texts, width]."""
        if self.packed:
            packed: Array = self.session.run(None, _packed(texts))[0]
            return packed
        ids, mask = batching.pad(texts)
        feeds = {
            name: FEEDS[name](ids, mask).astype(dtype, copy=False)
            for name, dtype in self._inputs.items()
        }
        rows: Array = self.session.run(self._outputs, feeds)[0]
        return POOLINGS[pooling](rows, mask) if rows.ndim == 3 else rows


def _packed(texts: Sequence[Sequence[int]]) -> dict[str, Ids]:
    ids = np.array(list(itertools.chain.from_iterable(texts)), np.int32)
    return {"ids": ids, "lengths": np.array([len(each) for each in texts], np.int32)}


@functools.cache
def kernel_library() -> str:
    """The library of our own kernels, or "" where this platform has none or TEXTFN_KERNELS is off.

    The library reads TEXTFN_KERNELS too: the name of an instruction set is for it.
    """
    suffix = {"linux": "so", "darwin": "dylib"}.get(sys.platform)
    if not suffix or os.environ.get("TEXTFN_KERNELS") == "off":
        return ""
    path = str(LIBRARIES / f"textfn-{sys.platform}-{os.uname().machine}.{suffix}")
    try:
        onnxruntime.SessionOptions().register_custom_ops_library(path)
    except Exception:  # onnxruntime's own error: no such file, or the loader refuses it
        return ""
    return path


def open_graph(path: Path, *, optimize: bool) -> onnxruntime.InferenceSession:
    """Open a session. Our own graphs are fused already: for them the optimizer only costs time.

    A run has one thread, because runs are small and many: threads across runs scale, threads inside
    a run do not. Setting the count also keeps onnxruntime from pinning threads, which containers
    refuse.
    """
    options = onnxruntime.SessionOptions()
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # its exceptions say the same, without a second line on stderr
    if library := kernel_library():
        options.register_custom_ops_library(library)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _dtype(name: str, kind: str) -> type[np.integer[Any]]:
    if name not in FEEDS:
        raise CannotFeed(f"its input {name} cannot be fed, only {', '.join(FEEDS)}")
    if kind not in DTYPES:
        raise CannotFeed(f"its input {name} is {kind}, only {', '.join(DTYPES)} can be fed")
    return DTYPES[kind]
