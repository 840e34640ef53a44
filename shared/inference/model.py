"""Texts in, arrays out."""

import contextlib
import copy
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

from shared.errors import Failure, TooLong
from shared.inference import batching
from shared.inference.cache import NO_CACHE, Mine, Row
from shared.inference.numerics import FUNCTIONS, Array, finite, shaped, unit
from shared.inference.result import Result
from shared.inference.session import Graph, opened
from shared.inference.tokenization import Token, Tokenization
from shared.manifest import Manifest
from shared.settings import settings

Check = Callable[[], None]


class How(TypedDict, total=False):
    """What is the same for all methods of a model, whatever they compute.

    `truncation`: the side on which a long text is cut, "right" or "left"; "none" raises TooLong.
    `check` is called before each text and each run; what it raises ends the work.
    `cache` has the numbers of texts that the same caller sent before.
    """

    truncation: str
    check: Check
    cache: Mine


class BadModel(Failure):
    """A model's file that cannot be used; the message names the file and the fault."""


class Model:
    """A manifest's tokenizer and graphs, opened. Threads may share it.

    Raises BadModel: a file that cannot be read, or a graph that does not fit the manifest, which a
    first run shows. The sha256 of the files are not compared here, `textfn models verify` does.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self._stand_in_for = ""
        graph = manifest.graph(manifest.pooling[0])
        with _named(manifest.tokenizer):
            self._tokenization = Tokenization(manifest.tokenizer, manifest.max_tokens)
        with _named(graph):
            width = manifest.dimensions or len(manifest.labels)
            self._run(["a first run"], manifest.pooling[0], width)

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
        **how: Unpack[How],
    ) -> Result:
        """Vectors, float32 [texts, dimensions]; of unit length where `normalize` says so.

        The manifest decides what is not given. A text's vector is the same in any company.
        """
        pooling = pooling or self.manifest.pooling[0]
        result = self._run(texts, pooling, self.manifest.dimensions, **how)
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
        result = self._run(texts, self.manifest.pooling[0], len(self.manifest.labels), **how)
        return result._replace(values=FUNCTIONS[apply](result.values))

    def tokens(self, texts: Sequence[str], special: bool) -> list[list[Token]]:
        """All tokens of each text, however long it is."""
        return [self._tokenization.tokens(text, special) for text in texts]

    def _run(
        self,
        texts: Sequence[str],
        pooling: str,
        width: int,
        truncation: str = "right",
        check: Check = lambda: None,
        cache: Mine = NO_CACHE,
    ) -> Result:
        start = time.perf_counter()
        name = f"{self.manifest.id}@{self.manifest.fingerprint(pooling)}"
        keys = [cache.key(name, truncation, text) for text in texts]
        rows = [cache.get(key) for key in keys]
        new = [index for index, row in enumerate(rows) if row is None]
        encoded = [self._encode(texts[index], truncation, check) for index in new]
        tokenized = time.perf_counter()
        values = finite(self._infer([ids for ids, _ in encoded], pooling, width, check))
        for index, (ids, cut), numbers in zip(new, encoded, values, strict=True):
            rows[index] = cache.put(keys[index], Row(numbers.copy(), len(ids), cut))
        known = [row for row in rows if row]
        return Result(
            np.array([row.values for row in known], np.float32).reshape(len(texts), width),
            name + self._stand_in_for,
            sum(row.tokens for row in known),
            sum(row.cut for row in known),
            tokenized - start,
            time.perf_counter() - tokenized,
            cached=bool(texts) and not new,
        )

    def _encode(self, text: str, truncation: str, check: Check) -> tuple[list[int], bool]:
        check()
        ids, cut = self._tokenization.encode(text, "left" if truncation == "left" else "right")
        if cut and truncation == "none":
            raise TooLong(self.manifest.max_tokens, self._tokenization.count(text))
        return ids, cut

    def _infer(self, ids: list[list[int]], pooling: str, width: int, check: Check) -> Array:
        graph = self._graph(pooling)
        values = np.empty((len(ids), width), np.float32)

        def run(indices: list[int]) -> None:
            check()
            rows = graph.run([ids[index] for index in indices], pooling)
            values[indices] = shaped(rows, len(indices), width)

        _each(run, batching.plan([len(each) for each in ids], settings.token_budget))
        return values

    def _graph(self, pooling: str) -> Graph:
        manifest = self.manifest
        return opened(manifest.graph(pooling), manifest.output, optimize=manifest.optimize)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # onnxruntime's and tokenizers' own errors have no narrower class
        first_line = str(error).partition("\n")[0]
        raise BadModel(f"{path}: {first_line}") from error


_pool = ThreadPoolExecutor(settings.threads, "run") if settings.threads > 1 else None


def _each(run: Callable[[list[int]], None], runs: Iterable[list[int]]) -> None:
    """Do all runs, several at a time where there are threads: a run frees the interpreter."""
    for _ in (_pool.map if _pool else map)(run, runs):
        pass
