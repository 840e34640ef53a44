"""The ONNX operators of our graphs, written node by node: no tracing, no pattern fusion."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from textfn.building.checkpoint import Floats, Norm
from textfn.building.quantize import INT8_MAX, quantize_columns

# onnxruntime's own operators (docs/ContribOperators.md in its repository).
MICROSOFT = "com.microsoft"

# Activations are u8 with a fixed zero point and one scale per token, so that a text's answer
# does not depend on the texts that share its run.
UINT8_MAX = 255
SIGNED_ZERO = 128

# GELU never falls below -0.17 (Hendrycks and Gimpel, arXiv 1606.08415). A few levels for values
# below zero leave almost twice as many for values above as a symmetric grid has.
GELU_MINIMUM = 0.17
GELU_ZERO = 24


class Operators:
    """The nodes and constants of a graph that is being built; equal nodes are written once."""

    def __init__(self, *, quantized: bool) -> None:
        self.quantized = quantized
        self.nodes: dict[str, onnx.NodeProto] = {}
        self.constants: dict[str, onnx.TensorProto] = {}

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output and return the name of that output."""
        key = repr((operator, inputs, sorted(attributes.items())))
        if key not in self.nodes:
            name = f"{operator}_{len(self.nodes)}"
            self.nodes[key] = helper.make_node(operator, inputs, [name], name=name, **attributes)
        return str(self.nodes[key].output[0])

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def integers(self, *values: int) -> str:
        return self.constant(f"int64 {list(values)}", np.array(values, np.int64))

    def scalar(self, value: float) -> str:
        return self.constant(f"float32 {value}", np.array(value, np.float32))

    def norm(self, name: str, rows: str, norm: Norm, epsilon: float) -> str:
        weight = self.constant(f"{name}.weight", norm.weight)
        bias = self.constant(f"{name}.bias", norm.bias)
        return self.node("LayerNormalization", rows, weight, bias, axis=-1, epsilon=epsilon)

    def add(self, rows: str, name: str, bias: Floats) -> str:
        return self.node("Add", rows, self.constant(f"{name}.bias", bias))

    def matmul(
        self, name: str, rows: str, weight: Floats, count: str, *, after_gelu: bool = False
    ) -> str:
        """rows @ weight, [count, in] -> [count, out], in int8, one scale per row, if quantized."""
        if not self.quantized:
            return self.node("MatMul", rows, self.constant(f"{name}.weight", weight))
        scale = self._gelu_scale(rows) if after_gelu else self._signed_scale(rows)
        zero = np.array(GELU_ZERO if after_gelu else SIGNED_ZERO, np.uint8)
        levels, column_scales = quantize_columns(weight)
        zeros = self.node("Expand", self.constant(f"uint8 [{zero}]", zero.reshape(1)), count)
        product = self.node(
            "MatMulIntegerToFloat",
            # A row of zeros has scale 0. Its levels do not count: they are multiplied by 0 below.
            self.node("QuantizeLinear", rows, scale, zeros, axis=0),
            self.constant(f"{name}.weight", levels),
            self.scalar(1.0),
            self.constant(f"{name}.scale", column_scales),
            self.constant(f"uint8 {zero}", zero),
            domain=MICROSOFT,
        )
        return self.node("Mul", product, self.node("Unsqueeze", scale, self.integers(-1)))

    def _signed_scale(self, rows: str) -> str:
        largest = self.node("ReduceMax", self.node("Abs", rows), self.integers(-1), keepdims=0)
        return self.node("Mul", largest, self.scalar(1 / INT8_MAX))

    def _gelu_scale(self, rows: str) -> str:
        largest = self.node("ReduceMax", rows, self.integers(-1), keepdims=0)
        scale = self.node("Mul", largest, self.scalar(1 / (UINT8_MAX - GELU_ZERO)))
        return self.node("Max", scale, self.scalar(GELU_MINIMUM / GELU_ZERO))
