"""A model: texts in, arrays out."""

import contextlib
import copy
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

from shared.errors import Failure, TooLong
from shared.inference.batching import Runs
from shared.inference.cache import NO_CACHE, Row, TenantCache
from shared.inference.numerics import FUNCTIONS, Array, check_finite, check_shape, cosines, unit
from shared.inference.result import Result
from shared.inference.session import Graph
from shared.inference.tokenization import Token, Tokenization
from shared.manifest import Manifest

Check = Callable[[], None]


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
            with _named(path := manifest.graph(pooling)):
                if path not in self._graphs:
                    self._graphs[path] = graph_of(path, manifest)
                self.try_pooling(pooling)

    def standing_in_for(self, model: str) -> "Model":
        """Return the same model, whose results name the model that it stands in for."""
        stand_in = copy.copy(self)
        stand_in._stand_in_for = model
        return stand_in

    def try_pooling(self, pooling: str) -> None:
        """Run one text. Raises what onnxruntime raises, or ArithmeticError for a wrong shape."""
        self._rows(["a first run"], pooling, self.manifest.dimensions or len(self.manifest.labels))

    def embed(
        self,
        texts: Sequence[str],
        *,
        pooling: str = "",
        normalize: bool | None = None,
        prompt_name: str = "",
        **how: Unpack[How],
    ) -> Result:
        """Return vectors, float32 [texts, dimensions]; of unit length if `normalize` is true.

        `prompt_name` is one of the manifest's prompts. The manifest decides what is not given. A
        text's vector has the same bits in every batch. Raises TooLong if `truncation` is "none",
        and BadNumbers for a number that is not finite.
        """
        pooling = pooling or self.manifest.pooling[0]
        if name := prompt_name or self.manifest.default_prompt:
            texts = [self.manifest.prompts[name] + text for text in texts]
        result = self._rows(texts, pooling, self.manifest.dimensions, **how)
        if normalize if normalize is not None else self.manifest.normalize:
            result = result._replace(values=unit(result.values))
        return result

    def similarity(
        self,
        source: str,
        sentences: Sequence[str],
        *,
        pooling: str = "",
        prompt_name: str = "",
        **how: Unpack[How],
    ) -> Result:
        """Return the cosine of the source with each sentence, float32 [sentences], from -1 to 1.

        A sentence's score has the same bits in every batch.
        """
        asked = {"pooling": pooling, "prompt_name": prompt_name}
        result = self.embed([source, *sentences], normalize=True, **asked, **how)
        return result._replace(values=cosines(result.values[0], result.values[1:]))

    def classify(self, texts: Sequence[str], *, apply: str = "", **how: Unpack[How]) -> Result:
        """Return scores, float32 [texts, labels], in the order of the manifest's labels.

        `apply` is a key of FUNCTIONS: "softmax", "sigmoid" or "none"; the manifest's if it is "".
        """
        result = self._rows(texts, self.manifest.pooling[0], len(self.manifest.labels), **how)
        return result._replace(values=FUNCTIONS[apply or self.manifest.function](result.values))

    def count(self, text: str) -> int:
        """Count the tokens that truncation leaves of a text."""
        return len(self._tokenization.encode(text)[0])

    def tokens(self, texts: Sequence[str], special: bool) -> list[list[Token]]:
        """Return all tokens of each text, however long it is; `special` adds the special ones."""
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
        name = f"{self.manifest.id}@{self.manifest.fingerprint(pooling)}"
        keys = [cache.key(name, truncation, text) for text in texts]
        rows = {key: row for key in dict.fromkeys(keys) if (row := cache.get(key))}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in rows}
        encoded = [self._encode(text, truncation, check) for text in new.values()]
        tokenized = time.perf_counter()
        values = self._infer([ids for ids, _ in encoded], pooling, width, check)
        for key, (ids, cut), numbers in zip(new, encoded, values, strict=True):
            rows[key] = cache.put(key, Row(numbers.copy(), len(ids), cut))
        found = [rows[key] for key in keys]
        return Result(
            np.array([row.values for row in found], np.float32).reshape(len(texts), width),
            name,
            sum(row.tokens for row in found),
            sum(row.cut for row in found),
            tokenized - start,
            time.perf_counter() - tokenized,
            cached=bool(texts) and not new,
            stand_in_for=self._stand_in_for,
        )

    def _encode(self, text: str, truncation: str, check: Check) -> tuple[list[int], bool]:
        check()
        ids, cut = self._tokenization.encode(text, "left" if truncation == "left" else "right")
        if cut and truncation == "none":
            raise TooLong(self.manifest.max_tokens, self._tokenization.count(text))
        return ids, cut

    def _infer(self, ids: list[list[int]], pooling: str, width: int, check: Check) -> Array:
        graph = self._graphs[self.manifest.graph(pooling)]
        values = np.empty((len(ids), width), np.float32)

        def run(indices: list[int]) -> None:
            check()
            rows = graph.run([ids[index] for index in indices], pooling)
            check_shape(rows, len(indices), width)
            values[indices] = rows

        for _ in self._runs.map(run, [len(each) for each in ids]):
            pass
        check_finite(values)
        return values


def graph_of(path: Path, manifest: Manifest) -> Graph:
    """Open a manifest's graph. Raises CannotFeed, and what onnxruntime raises."""
    optimize, pad = manifest.optimize, manifest.pad_token_id
    return Graph(path, manifest.output, optimize=optimize, pad_token_id=pad)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # onnxruntime's and tokenizers' own errors have no narrower class
        first_line = str(error).partition("\n")[0]
        raise BadModel(f"{path}: {first_line}") from error
