"""Tiny random ONNX encoders in folders as the Hub has them, and their numbers in numpy.

An encoder adds one table per kind of input and applies tanh. Its output shows the inputs, the mask
and the pooling.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from graphs import CHECKPOINTS
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer

TOKENIZER = CHECKPOINTS / "tiny-embedder" / "tokenizer.json"
WORDS = Tokenizer.from_file(str(TOKENIZER)).get_vocab_size()
WIDTH, POSITIONS = 8, 32
RANDOM = np.random.default_rng(7)
TABLES: dict[str, NDArray[np.float32]] = {
    "input_ids": RANDOM.normal(0, 1, (WORDS, WIDTH)).astype(np.float32),
    "token_type_ids": RANDOM.normal(0, 1, (2, WIDTH)).astype(np.float32),
    "position_ids": RANDOM.normal(0, 1, (POSITIONS, WIDTH)).astype(np.float32),
}
HEAD = RANDOM.normal(0, 1, (WIDTH, 3)).astype(np.float32)
BERT = ("input_ids", "attention_mask", "token_type_ids")
SHORT = ("input_ids", "attention_mask")
CONFIG = {"model_type": "bert", "max_position_embeddings": POSITIONS}
MEAN = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
CLS = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
MODULES = [
    {"type": "sentence_transformers.models.Transformer", "path": ""},
    {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
]


def rows(text: str, inputs: Sequence[str]) -> NDArray[np.float32]:
    """Compute a row per token, [tokens, width], in numpy."""
    ids = Tokenizer.from_file(str(TOKENIZER)).encode(text).ids
    summed = TABLES["input_ids"][ids]
    if "token_type_ids" in inputs:
        summed = summed + TABLES["token_type_ids"][0]
    if "position_ids" in inputs:
        summed = summed + TABLES["position_ids"][: len(ids)]
    found: NDArray[np.float32] = np.tanh(summed)
    return found


def write(
    folder: Path,
    inputs: Sequence[str] = BERT,
    output: str = "last_hidden_state",
    *,
    dtype: int = TensorProto.INT64,
    words: int = WORDS,
    path: str = "model.onnx",
    data: bool = False,
    **files: Any,
) -> Path:
    """Write an encoder. `files` are JSON files by name without ending, with "__" for "/".

    None is no file. A folder has config.json, and a modules.json without Normalize.
    """
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    place = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0}
    onnx.save(graph(inputs, output, dtype, words), folder / path, **(place if data else {}))
    shutil.copy(TOKENIZER, folder)
    contents = {"config": CONFIG, "modules": MODULES} | files
    for name, content in contents.items():
        if content is None:
            continue
        file = folder / f"{name.replace('__', '/')}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content), "utf-8")
    return folder


def graph(inputs: Sequence[str], output: str, dtype: int, words: int) -> onnx.ModelProto:
    """`output` is "last_hidden_state", or one per text: "sentence_embedding" and the like."""
    nodes, summed = [], ""
    tables = {name: TABLES[name] for name in inputs if name in TABLES}
    if "input_ids" in tables:
        tables["input_ids"] = tables["input_ids"][:words]
    for name in tables:
        nodes.append(helper.make_node("Gather", [f"table.{name}", name], [f"rows.{name}"]))
        if summed:
            nodes.append(helper.make_node("Add", [summed, f"rows.{name}"], [f"sum.{name}"]))
        summed = f"sum.{name}" if summed else f"rows.{name}"
    nodes.append(helper.make_node("Tanh", [summed], ["last_hidden_state"]))
    constants = {f"table.{name}": table for name, table in tables.items()}
    constants |= {"zero": np.array(0), "one": np.array([1]), "two": np.array([2]), "head": HEAD}
    nodes += _pooled(output)
    axes = ["batch", "tokens", WIDTH] if output == "last_hidden_state" else ["batch", None]
    body = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info(name, dtype, ["batch", "tokens"]) for name in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, axes)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def _pooled(output: str) -> list[onnx.NodeProto]:
    first = helper.make_node("Gather", ["last_hidden_state", "zero"], ["first"], axis=1)
    if output == "sentence_embedding":
        return [
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "two"], ["column"]),
            helper.make_node("Mul", ["last_hidden_state", "column"], ["seen"]),
            helper.make_node("ReduceSum", ["seen", "one"], ["sums"], keepdims=0),
            helper.make_node("ReduceSum", ["mask", "one"], ["counts"], keepdims=1),
            helper.make_node("Div", ["sums", "counts"], [output]),
        ]
    if output == "pooler_output":
        return [first, helper.make_node("Tanh", ["first"], [output])]
    if output in ("logits", "scores"):
        return [first, helper.make_node("MatMul", ["first", "head"], [output])]
    return []
