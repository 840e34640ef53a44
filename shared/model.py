"""Texts in, arrays out. The only user of onnxruntime."""

import copy
import functools
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from shared import batching
from shared.manifest import Manifest
from shared.result import Result
from shared.settings import settings
from shared.tokenization import Tokenization

Array = NDArray[np.float32]
Check = Callable[[], None]


class Model:
    """A manifest's tokenizer and graphs, opened. Threads may share it.

    Methods call `check` before each run of a graph; what it raises ends the work.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self._tokenization = Tokenization(manifest.tokenizer, manifest.max_tokens)
        self._stand_in_for = ""
        _session(manifest.graph(manifest.pooling[0]))

    def standing_in_for(self, model: str) -> "Model":
        """The same model, which says in its results in whose place it answers."""
        stand_in = copy.copy(self)
        stand_in._stand_in_for = f"; stand-in for {model}"
        return stand_in

    def embed(
        self,
        texts: Sequence[str],
        *,
        pooling: str = "",
        normalize: bool | None = None,
        check: Check = lambda: None,
    ) -> Result:
        """Vectors, float32 [texts, dimensions]; of unit length where `normalize` says so.

        The manifest decides what is not given. A text's vector is the same in any company.
        """
        pooling = pooling or self.manifest.pooling[0]
        result = self._run(texts, pooling, self.manifest.dimensions, check)
        if normalize if normalize is not None else self.manifest.normalize:
            result = result._replace(values=unit(result.values))
        return result

    def similarity(
        self, source: str, sentences: Sequence[str], *, check: Check = lambda: None
    ) -> Result:
        """Cosine of the source with each sentence, float32 [sentences], within -1 and 1."""
        result = self.embed([source, *sentences], normalize=True, check=check)
        scores = result.values[1:] @ result.values[0]
        return result._replace(values=np.clip(scores, -1, 1))

    def classify(self, texts: Sequence[str], *, check: Check = lambda: None) -> Result:
        """Probabilities, float32 [texts, labels], in the order of the manifest's labels."""
        result = self._run(texts, self.manifest.pooling[0], len(self.manifest.labels), check)
        return result._replace(values=softmax(result.values))

    def _run(self, texts: Sequence[str], pooling: str, width: int, check: Check) -> Result:
        start = time.perf_counter()
        encoded = [self._tokenization.encode(text) for text in texts]
        tokenized = time.perf_counter()
        ids = [each for each, _ in encoded]
        values = self._infer(ids, self.manifest.graph(pooling), width, check)
        if not np.isfinite(values).all():
            raise ArithmeticError(f"{self.manifest.id} computed a number that is not finite")
        return Result(
            values,
            f"{self.manifest.id}@{self.manifest.fingerprint(pooling)}{self._stand_in_for}",
            sum(map(len, ids)),
            sum(cut for _, cut in encoded),
            tokenized - start,
            time.perf_counter() - tokenized,
        )

    def _infer(self, ids: list[list[int]], graph: Path, width: int, check: Check) -> Array:
        session = _session(graph)
        values = np.empty((len(ids), width), np.float32)

        def run(indices: list[int]) -> None:
            check()
            input_ids, attention_mask = batching.pad([ids[index] for index in indices])
            feeds = {"input_ids": input_ids, "attention_mask": attention_mask}
            values[indices] = session.run(None, feeds)[0]

        _each(run, batching.plan([len(each) for each in ids], settings.token_budget))
        return values


def unit(vectors: Array) -> Array:
    """Rows divided by their L2 norms. A zero vector has no direction, so it is refused."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not norms.all():
        raise ArithmeticError("a vector of length zero cannot be normalized")
    directions: Array = vectors / norms
    return directions


def softmax(logits: Array) -> Array:
    """Rows to probabilities; the largest logit is subtracted so that no exponential overflows."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Array = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


@functools.cache
def _session(graph: Path) -> onnxruntime.InferenceSession:
    """A graph, opened once for all. The graphs are fused already: the optimizer only costs time.

    One thread a run, because runs are small and many: threads across runs scale, inside they do
    not. Setting the count also keeps onnxruntime from pinning threads, which containers refuse.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


_pool = ThreadPoolExecutor(settings.threads, "run") if settings.threads > 1 else None


def _each(run: Callable[[list[int]], None], runs: Iterable[list[int]]) -> None:
    """Do all runs, several at a time where there are threads: a run frees the interpreter."""
    for _ in (_pool.map if _pool else map)(run, runs):
        pass
