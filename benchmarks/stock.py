"""The int8 model of the usual recipe, to compare with: export, then quantize_dynamic.

The graph is what torch.onnx.export (torch 2.13, opset 17) writes for transformers' eager
BertModel, operator for operator, so that a comparison needs neither package. Only the arithmetic
on the mask is shorter.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from textfn.building.checkpoint import Encoder, Layer, Linear, Tensors, read_checkpoint
from textfn.building.operators import Operators

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]


def write_stock_int8(checkpoint: Path, path: Path) -> None:
    """Write per-channel dynamic int8 of the fp32 graph; open it at the default optimization level.

    It turns INPUTS, int64 [batch, tokens], into `last_hidden_state` [batch, tokens, hidden].
    """
    quantize_dynamic(stock_fp32(checkpoint), path, per_channel=True, weight_type=QuantType.QInt8)


def stock_fp32(checkpoint: Path) -> onnx.ModelProto:
    encoder, _ = read_checkpoint(checkpoint)
    graph = StockGraph(encoder)
    rows = graph.embed(Tensors(checkpoint / "model.safetensors", "bert."))
    mask = graph.mask()
    for number, layer in enumerate(encoder.layers):
        rows = graph.layer(f"layers.{number}", layer, rows, mask)
    nodes = list(graph.nodes.values())
    nodes[-1].output[0] = "last_hidden_state"
    shape = ["batch", "tokens"]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in INPUTS]
    output = helper.make_tensor_value_info(
        "last_hidden_state", TensorProto.FLOAT, [*shape, graph.hidden]
    )
    constants = list(graph.constants.values())
    body = helper.make_graph(nodes, "stock", inputs, [output], constants)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class StockGraph(Operators):
    """Activations are [batch, tokens, hidden]."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(quantized=False)
        self.encoder = encoder
        self.hidden = len(encoder.embedding_norm.bias)
        self.width = self.hidden // encoder.heads

    def embed(self, tensors: Tensors) -> str:
        """Add words, token types and positions, each gathered from its own table."""
        word, position, token_type = (
            self.constant(name, tensors.array(f"embeddings.{name}_embeddings.weight"))
            for name in ("word", "position", "token_type")
        )
        words = self.node("Gather", word, "input_ids")
        typed = self.node("Add", words, self.node("Gather", token_type, "token_type_ids"))
        numbers = np.arange(len(self.encoder.position_embeddings), dtype=np.int64)[np.newaxis]
        length = self.node("Shape", "input_ids", start=1, end=2)
        places = self.node(
            "Slice", self.constant("places", numbers), self.integers(0), length, self.integers(1)
        )
        rows = self.node("Add", typed, self.node("Gather", position, places))
        epsilon = self.encoder.layer_norm_eps
        return self.norm("embedding_norm", rows, self.encoder.embedding_norm, epsilon)

    def mask(self) -> str:
        """Add [batch, 1, 1, tokens]: 0 for a token, the lowest float for padding."""
        seen = self.node("Cast", "attention_mask", to=TensorProto.BOOL)
        spread = self.node("Unsqueeze", seen, self.integers(1, 2))
        lowest = self.scalar(float(np.finfo(np.float32).min))
        return self.node("Where", spread, self.scalar(0.0), lowest)

    def layer(self, name: str, layer: Layer, rows: str, mask: str) -> str:
        epsilon = self.encoder.layer_norm_eps
        context = self._attention(name, layer, rows, mask)
        attended = self._linear(f"{name}.attention_output", context, layer.attention_output)
        summed = self.node("Add", attended, rows)
        middle = self.norm(f"{name}.attention_norm", summed, layer.attention_norm, epsilon)
        inner = self._linear(f"{name}.intermediate", middle, layer.intermediate)
        output = self._linear(f"{name}.output", self._gelu(inner), layer.output)
        summed = self.node("Add", output, middle)
        return self.norm(f"{name}.output_norm", summed, layer.output_norm, epsilon)

    def _linear(self, name: str, rows: str, linear: Linear) -> str:
        product = self.node("MatMul", rows, self.constant(f"{name}.weight", linear.weight))
        return self.add(product, name, linear.bias)

    def _attention(self, name: str, layer: Layer, rows: str, mask: str) -> str:
        query = self._heads(f"{name}.query", rows, layer.query, [0, 2, 1, 3])
        key = self._heads(f"{name}.key", rows, layer.key, [0, 2, 3, 1])
        value = self._heads(f"{name}.value", rows, layer.value, [0, 2, 1, 3])
        scores = self.node(
            "Mul", self.node("MatMul", query, key), self.scalar(float(self.width**-0.5))
        )
        weights = self.node("Softmax", self.node("Add", scores, mask), axis=-1)
        context = self.node("Transpose", self.node("MatMul", weights, value), perm=[0, 2, 1, 3])
        return self.node("Reshape", context, self._shape(self.hidden))

    def _heads(self, name: str, rows: str, linear: Linear, order: list[int]) -> str:
        split = self._shape(self.encoder.heads, self.width)
        return self.node(
            "Transpose", self.node("Reshape", self._linear(name, rows, linear), split), perm=order
        )

    def _shape(self, *rest: int) -> str:
        """[batch, tokens, *rest]"""
        return self.node("Concat", self.node("Shape", "input_ids"), self.integers(*rest), axis=0)

    def _gelu(self, rows: str) -> str:
        """Add x * (1 + erf(x / sqrt 2)) / 2, in the exporter's five nodes."""
        scaled = self.node("Div", rows, self.scalar(float(np.sqrt(2))))
        raised = self.node("Add", self.node("Erf", scaled), self.scalar(1.0))
        return self.node("Mul", self.node("Mul", rows, raised), self.scalar(0.5))
