"""Measure activation ranges of an encoder over sample texts, on its fp32 graph."""

from collections.abc import Iterable

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from textfn.building.checkpoint import Encoder, Floats
from textfn.building.encoder_graph import build_graph


def activation_ranges(encoder: Encoder, texts: Iterable[NDArray[np.int32]]) -> dict[str, Floats]:
    """Return the largest |activation| of each input channel of every matmul: name -> [in].

    `texts` are token ids [tokens]. Each text runs alone, so that no padding is measured.
    """
    model = build_graph(encoder, quantized=False)
    inputs = _matmul_inputs(model)
    tensors = sorted(set(inputs.values()))
    model.graph.output.extend(
        helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None) for tensor in tensors
    )
    session = _session(model)
    largest = {tensor: np.float32(0) for tensor in tensors}
    for ids in texts:
        feed = {"input_ids": ids[np.newaxis], "attention_mask": np.ones((1, len(ids)), np.int32)}
        for tensor, rows in zip(tensors, session.run(tensors, feed), strict=True):
            largest[tensor] = np.maximum(largest[tensor], np.abs(rows).max(axis=0))
    return {name: np.asarray(largest[tensor]) for name, tensor in inputs.items()}


def _matmul_inputs(model: onnx.ModelProto) -> dict[str, str]:
    weights = {constant.name for constant in model.graph.initializer}
    return {
        node.input[1].removesuffix(".weight"): node.input[0]
        for node in model.graph.node
        if node.op_type == "MatMul" and node.input[1] in weights
    }


def _session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
