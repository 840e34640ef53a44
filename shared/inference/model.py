"""Texts in, arrays out."""

import contextlib
import copy
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

from shared.errors import Failure, TooLong
from shared.inference.batching import Runs, plan
from shared.inference.cache import NO_CACHE, Row, TenantCache
from shared.inference.numerics import FUNCTIONS, Array, check_finite, check_shape, unit
from shared.inference.result import Result
from shared.inference.session import Graph, kernel_library
from shared.inference.tokenization import Token, Tokenization
from shared.manifest import Manifest

Check = Callable[[], None]


# Texts that are tokenized before their runs begin.
BLOCK = 256


class How(TypedDict, total=False):
    """The options that all methods of a model take.

    `truncation`: the side on which a long text is cut, "right" or "left"; "none" raises TooLong.
    `check` is called before each text and each run; what it raises ends the work.
    `cache` holds the rows of texts that the same caller sent before.
    """

    truncation: str
    check: Check
    cache: TenantCache


class BadModel(Failure):
    """A model's file that cannot be used; the message names the file and the fault."""


class Model:
    """A manifest's tokenizer and graphs, opened. Threads may share it.

    Every pooling of the manifest is opened and run once, so that no request pays for it. Raises
    BadModel for a file that cannot be read or a graph that does not fit the manifest. The sha256 of
    the files are not compared here; `textfn models verify` compares them.
    """

    def __init__(self, manifest: Manifest, runs: Runs | None = None) -> None:
        self.manifest = manifest
        self._runs = runs or Runs()
        self._stand_in_for = ""
        with _named(manifest.tokenizer):
            self._tokenization = Tokenization(manifest.tokenizer, manifest.max_tokens)
        self._graphs: dict[Path, Graph] = {}
        for pooling in manifest.pooling:
            # onnxruntime names the other file if our own graph is broken, not its weights.
            path = self._path(pooling)
            with _named(manifest.graph(pooling)):
                if path not in self._graphs:
                    self._graphs[path] = Graph(path, manifest.output, optimize=manifest.optimize)
                self.try_pooling(pooling)

    def standing_in_for(self, model: str) -> "Model":
        """The same model, whose results name the model that it stands in for."""
        stand_in = copy.copy(self)
        stand_in._stand_in_for = model
        return stand_in

    def _path(self, pooling: str) -> Path:
        """The graph for our own kernels if they run here, or else the standard graph."""
        return (kernel_library() and self.manifest.kernel_graph(pooling)) or self.manifest.graph(
            pooling
        )

    def try_pooling(self, pooling: str) -> None:
        """Run one text. Raises what onnxruntime raises, or ArithmeticError for a wrong shape."""
        self._rows(["a first run"], pooling, self.manifest.dimensions or len(self.manifest.labels))

    def embed(
        self,
        texts: Sequence[str],
        *,
        pooling: str = "",
        normalize: bool | None = None,
        **how: Unpack[How],
    ) -> Result:
        """Vectors, float32 [texts, dimensions]; of unit length if `normalize` says so.

        The manifest decides what is not given. A text's vector has the same bits in every batch.
        """
        pooling = pooling or self.manifest.pooling[0]
        result = self._rows(texts, pooling, self.manifest.dimensions, **how)
        if normalize if normalize is not None else self.manifest.normalize:
            result = result._replace(values=unit(result.values))
        return result

    def similarity(self, source: str, sentences: Sequence[str], **how: Unpack[How]) -> Result:
        """Cosine of the source with each sentence, float32 [sentences], within -1 and 1."""
        result = self.embed([source, *sentences], normalize=True, **how)
        scores = result.values[1:] @ result.values[0]
        return result._replace(values=np.clip(scores, -1, 1))

    def classify(
        self, texts: Sequence[str], *, apply: str = "softmax", **how: Unpack[How]
    ) -> Result:
        """Scores, float32 [texts, labels], in the order of the manifest's labels."""
        result = self._rows(texts, self.manifest.pooling[0], len(self.manifest.labels), **how)
        return result._replace(values=FUNCTIONS[apply](result.values))

    def tokens(self, texts: Sequence[str], special: bool) -> list[list[Token]]:
        """All tokens of each text, however long it is."""
        return [self._tokenization.tokens(text, special) for text in texts]

    def _rows(
        self,
        texts: Sequence[str],
        pooling: str,
        width: int,
        truncation: str = "right",
        check: Check = lambda: None,
        cache: TenantCache = NO_CACHE,
    ) -> Result:
        """A row of `width` numbers per text. Equal texts are computed once."""
        start = time.perf_counter()
        standard = self._path(pooling) == self.manifest.graph(pooling)
        name = f"{self.manifest.id}@{self.manifest.fingerprint(pooling, standard=standard)}"
        keys = [cache.key(name, truncation, text) for text in texts]
        rows = {key: row for key in dict.fromkeys(keys) if (row := cache.get(key))}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in rows}
        values = np.empty((len(new), width), np.float32)
        encoded, seconds = self._compute(list(new.values()), pooling, truncation, check, values)
        for key, (ids, cut), numbers in zip(new, encoded, values, strict=True):
            rows[key] = cache.put(key, Row(numbers.copy(), len(ids), cut))
        found = [rows[key] for key in keys]
        return Result(
            np.array([row.values for row in found], np.float32).reshape(len(texts), width),
            name,
            sum(row.tokens for row in found),
            sum(row.cut for row in found),
            seconds,
            time.perf_counter() - start - seconds,
            cached=bool(texts) and not new,
            stand_in_for=self._stand_in_for,
        )

    def _encode(self, text: str, truncation: str, check: Check) -> tuple[list[int], bool]:
        check()
        ids, cut = self._tokenization.encode(text, "left" if truncation == "left" else "right")
        if cut and truncation == "none":
            raise TooLong(self.manifest.max_tokens, self._tokenization.count(text))
        return ids, cut

    def _compute(
        self, texts: list[str], pooling: str, truncation: str, check: Check, values: Array
    ) -> tuple[list[tuple[list[int], bool]], float]:
        """Fill `values` [texts, width]; return the ids, and the seconds that they took.

        Block by block, so that other threads compute a block while this one tokenizes the next.
        """
        graph = self._graphs[self._path(pooling)]
        encoded: list[tuple[list[int], bool]] = []
        seconds = 0.0

        def run(indices: list[int]) -> None:
            check()
            rows = graph.run([encoded[index][0] for index in indices], pooling)
            check_shape(rows, len(indices), values.shape[1])
            values[indices] = rows

        started: list[Future[None]] = []
        try:
            for first in range(0, len(texts), BLOCK):
                start = time.perf_counter()
                block = [
                    self._encode(text, truncation, check) for text in texts[first : first + BLOCK]
                ]
                seconds += time.perf_counter() - start
                encoded += block
                for run_of_block in plan([len(ids) for ids, _ in block], self._runs.token_budget):
                    indices = [first + index for index in run_of_block]
                    if future := self._runs.begin(run, indices):
                        started.append(future)
                    else:
                        run(indices)
            for future in started:
                future.result()
        finally:
            for future in started:
                future.cancel()
        check_finite(values)
        return encoded, seconds


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # onnxruntime's and tokenizers' own errors have no narrower class
        first_line = str(error).partition("\n")[0]
        raise BadModel(f"{path}: {first_line}") from error
