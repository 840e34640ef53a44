"""An opened graph: token ids in, a row of numbers per text out. Only this uses onnxruntime."""

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


# The inputs a graph may have, made of ids and mask [texts, tokens]. A text is one segment.
FEEDS: dict[str, Callable[[Ids, Ids], Ids]] = {
    "input_ids": lambda ids, mask: ids,
    "attention_mask": lambda ids, mask: mask,
    "token_type_ids": lambda ids, mask: np.zeros_like(ids),
    "position_ids": _positions,
}
DTYPES: dict[str, type[np.integer[Any]]] = {"tensor(int32)": np.int32, "tensor(int64)": np.int64}


class Graph:
    """A graph and the one of its outputs that is read: its name, or "" for the only one.

    The output is float [texts, width], or [texts, tokens, width], which is pooled here. Short texts
    of a run are filled up with `pad_token_id`. A graph without an attention_mask would read the
    padding, and one with a batch axis of 1 takes one text: both run each text alone, unpadded.

    Raises CannotFeed, and what onnxruntime raises for a file that it cannot read.
    """

    def __init__(
        self, path: Path, output: str = "", *, optimize: bool = False, pad_token_id: int = 0
    ) -> None:
        self.session = open_graph(path, optimize=optimize)
        self._pad_token_id = pad_token_id
        self._inputs = {
            each.name: _dtype(each.name, each.type) for each in self.session.get_inputs()
        }
        self._outputs = [output] if output else None
        if "input_ids" not in self._inputs:
            raise CannotFeed(f"{path.name} has no input input_ids")
        fixed = any(each.shape[:1] == [1] for each in self.session.get_inputs())
        self.alone = fixed or "attention_mask" not in self._inputs

    def run(self, texts: Sequence[Sequence[int]], pooling: str) -> Array:
        """Run the token ids of texts together: -> float32 [texts, width]."""
        if self.alone and len(texts) > 1:
            return np.concatenate([self.run([text], pooling) for text in texts])
        multiple = 1 if self.alone else batching.MULTIPLE
        ids, mask = batching.pad(texts, self._pad_token_id, multiple)
        feeds = {
            name: FEEDS[name](ids, mask).astype(dtype, copy=False)
            for name, dtype in self._inputs.items()
        }
        rows: Array = self.session.run(self._outputs, feeds)[0]
        return POOLINGS[pooling](rows, mask) if rows.ndim == 3 else rows


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
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _dtype(name: str, kind: str) -> type[np.integer[Any]]:
    if name not in FEEDS:
        raise CannotFeed(f"its input {name} cannot be fed, only {', '.join(FEEDS)}")
    if kind not in DTYPES:
        raise CannotFeed(f"its input {name} is {kind}, only {', '.join(DTYPES)} can be fed")
    return DTYPES[kind]
