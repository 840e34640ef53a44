"""The usual recipe's model, run at onnxruntime's default optimization on one thread."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from shared.inference import batching

BATCH = 32
Array = NDArray[np.float32]
Head = Callable[[Array, Array], Array]


class StockModel:
    """`head` turns hidden states [batch, tokens, hidden] and the mask [batch, tokens, 1] into the
    answer, float32 [batch, width]."""

    def __init__(self, graph: Path, tokenizer: Path, max_tokens: int, head: Head) -> None:
        self.tokenizer = Tokenizer.from_file(str(tokenizer))
        self.tokenizer.enable_truncation(max_tokens)
        self.tokenizer.no_padding()
        self.head = head
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            str(graph), options, providers=["CPUExecutionProvider"]
        )

    def in_order(self, texts: list[str]) -> Array:
        """Run batches of 32 texts in their given order."""
        order = list(range(len(texts)))
        runs = [order[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        return self._answer(self._tokenize(texts), runs)

    def in_runs(self, texts: list[str]) -> Array:
        """Run the batches of textfn: sorted by length, 256 tokens per run."""
        ids = self._tokenize(texts)
        return self._answer(ids, batching.plan([len(each) for each in ids], 256))

    def one_by_one(self, texts: list[str]) -> Array:
        return self._answer(self._tokenize(texts), [[index] for index in range(len(texts))])

    def _tokenize(self, texts: list[str]) -> list[list[int]]:
        return [each.ids for each in self.tokenizer.encode_batch(texts)]

    def _answer(self, ids: list[list[int]], runs: list[list[int]]) -> Array:
        answers = {run[0]: self._infer([ids[index] for index in run]) for run in runs}
        order = np.argsort([index for run in runs for index in run])
        return np.concatenate([answers[run[0]] for run in runs])[order]

    def _infer(self, ids: list[list[int]]) -> Array:
        input_ids, mask = (each.astype(np.int64) for each in batching.pad(ids))
        feeds = {"input_ids": input_ids, "attention_mask": mask}
        feeds["token_type_ids"] = np.zeros_like(input_ids)
        hidden: Array = self.session.run(None, feeds)[0]
        return self.head(hidden, mask[:, :, None].astype(np.float32))
