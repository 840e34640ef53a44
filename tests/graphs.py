"""Run model files as the service does: padded to a multiple of four, unoptimized."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

ROOT = Path(__file__).parent.parent
CHECKPOINTS = ROOT / "tests" / "fixtures" / "checkpoints"
TINY_MODELS = ROOT / "tests" / "fixtures" / "models"
MINILM = ROOT / "models" / "all-minilm-l6-v2"

Ids = Sequence[int] | NDArray[np.int32]


def open_graph(model: onnx.ModelProto | Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    content = model.read_bytes() if isinstance(model, Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def run(session: onnxruntime.InferenceSession, texts: Sequence[Ids]) -> NDArray[np.float32]:
    """Return the outputs of token ids, all in one run."""
    length = -(-max(map(len, texts)) // 4) * 4
    ids, mask = np.zeros((2, len(texts), length), np.int32)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    outputs: NDArray[np.float32] = session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
    return outputs


def cosines(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    products = np.einsum("nd,nd->n", first, second)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    result: NDArray[np.float32] = products / lengths
    return result
