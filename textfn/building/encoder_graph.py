"""Write an encoder as an ONNX graph.

Load it with graph optimization level 0: onnxruntime's own fusion turns Add and
LayerNormalization into an operator that is slower on CPUs.
"""

import math

import numpy as np
import onnx
from onnx import TensorProto, helper

from textfn.building.checkpoint import Encoder, Floats, Head, Layer
from textfn.building.distances import distance_line
from textfn.building.operators import MICROSOFT, Operators
from textfn.building.quantize import quantize_rows

OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid(MICROSOFT, 1)]
IR_VERSION = 8


def build_graph(
    encoder: Encoder, head: Head | None = None, *, pooling: str = "mean", quantized: bool = True
) -> onnx.ModelProto:
    """Build a model from int32 `input_ids` and `attention_mask` [batch, tokens] to float32.

    A text's rows are pooled ("mean" or "cls"). With a head the output is `logits` [batch, labels],
    otherwise `embedding` [batch, hidden], not normalised.
    """
    graph = EncoderGraph(encoder, quantized=quantized)
    rows = graph.encode(first_only=pooling == "cls")
    pooled = graph.mean(rows) if pooling == "mean" else rows
    if head is None:
        return _model(graph, "embedding", graph.hidden)
    graph.classify(head, pooled)
    return _model(graph, "logits", len(head.out_proj.bias))


def _model(graph: Operators, output: str, width: int) -> onnx.ModelProto:
    """Return the graph as a model whose output is that of its last node."""
    nodes = list(graph.nodes.values())
    nodes[-1].output[0] = output
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", width])]
    body = helper.make_graph(nodes, "encoder", inputs, outputs, list(graph.constants.values()))
    return helper.make_model(body, opset_imports=OPSETS, ir_version=IR_VERSION)


class EncoderGraph(Operators):
    """Activations are rows [batch * tokens, hidden], or [batch, hidden] for first tokens only."""

    def __init__(self, encoder: Encoder, *, quantized: bool) -> None:
        super().__init__(quantized=quantized)
        self.encoder = encoder
        self.hidden = len(encoder.embedding_norm.bias)
        self.texts = self.node("Shape", "input_ids", start=0, end=1)
        flat = self.node("Reshape", "input_ids", self.integers(-1))
        self.tokens = self.node("Shape", flat)

    def encode(self, *, first_only: bool) -> str:
        """Add all layers; the last one for first tokens only, if no other token is needed."""
        rows = self._embed()
        *layers, last = self.encoder.layers
        for number, layer in enumerate(layers):
            rows = self._layer(f"layers.{number}", layer, rows, rows, self.tokens)
        name = f"layers.{len(layers)}"
        if not first_only:
            return self._layer(name, last, rows, rows, self.tokens)
        zero = self.constant("int64 0", np.array(0, np.int64))
        first = self.node("Gather", self._by_text(rows), zero, axis=1)
        return self._layer(name, last, first, rows, self.texts)

    def mean(self, rows: str) -> str:
        """Add the mean of each text's rows that are not padding."""
        mask = self.node("Cast", "attention_mask", to=TensorProto.FLOAT)
        sums = self.node(
            "MatMul", self.node("Unsqueeze", mask, self.integers(1)), self._by_text(rows)
        )
        counts = self.node("ReduceSum", mask, self.integers(1), keepdims=1)
        return self.node("Div", self.node("Squeeze", sums, self.integers(1)), counts)

    def classify(self, head: Head, rows: str) -> str:
        """Add the head, in int8: the bits of a float product depend on the batch."""
        dense = self.matmul("head.dense", rows, head.dense.weight, self.texts)
        active = self.node(head.activation, self.add(dense, "head.dense", head.dense.bias))
        logits = self.matmul("head.out_proj", active, head.out_proj.weight, self.texts)
        return self.add(logits, "head.out_proj", head.out_proj.bias)

    def _embed(self) -> str:
        table = self.constant("position_embeddings", self.encoder.position_embeddings)
        length = self.node("Shape", "input_ids", start=1, end=2)
        positions = self.node("Slice", table, self.integers(0), length, self.integers(0))
        embedded = self.node("Add", self._words(), positions)
        rows = self.node("Reshape", embedded, self.integers(-1, self.hidden))
        return self.norm(
            "embedding_norm", rows, self.encoder.embedding_norm, self.encoder.layer_norm_eps
        )

    def _words(self) -> str:
        table = self.encoder.word_embeddings
        if not self.quantized:
            return self.node("Gather", self.constant("word_embeddings", table), "input_ids")
        levels, scales = quantize_rows(table)
        words = self.node("Gather", self.constant("word_embeddings", levels), "input_ids")
        scale = self.node("Gather", self.constant("word_embeddings.scale", scales), "input_ids")
        return self.node("Mul", self.node("Cast", words, to=TensorProto.FLOAT), scale)

    def _layer(self, name: str, layer: Layer, queries: str, rows: str, count: str) -> str:
        """Add attention of the `queries` rows, `count` in number, to all rows."""
        epsilon = self.encoder.layer_norm_eps
        attended = self._attention(name, layer, queries, rows, count)
        residual = self._unscale(f"{name}.input", queries, layer.input_scale)
        summed = self.node("Add", attended, residual)
        middle = self.norm(f"{name}.attention_norm", summed, layer.attention_norm, epsilon)
        output = self._feed_forward(name, layer, middle, count)
        residual = self._unscale(f"{name}.middle", middle, layer.middle_scale)
        summed = self.node("Add", output, residual)
        return self.norm(f"{name}.output_norm", summed, layer.output_norm, epsilon)

    def _attention(self, name: str, layer: Layer, queries: str, rows: str, count: str) -> str:
        query = self.matmul(f"{name}.query", queries, layer.query.weight, count)
        query = self.add(query, f"{name}.query", layer.query.bias)
        # A key's bias adds one number to all scores of a query. Softmax cancels it: it is left out.
        key = self.matmul(f"{name}.key", rows, layer.key.weight, self.tokens)
        value = self.matmul(f"{name}.value", rows, layer.value.weight, self.tokens)
        context = self.node(
            "MultiHeadAttention",
            *(self._by_text(operand) for operand in (query, key, value)),
            "",
            "attention_mask",
            *self._relative_bias(first_only=count == self.texts),
            domain=MICROSOFT,
            num_heads=self.encoder.heads,
        )
        context = self.node("Reshape", context, self.integers(-1, self.hidden))
        output = layer.attention_output
        attended = self.matmul(f"{name}.attention_output", context, output.weight, count)
        # Attention's weights add up to 1, so a value's bias can be added after attention.
        bias = output.bias + _product(layer.value.bias, output.weight)
        return self.add(attended, f"{name}.attention_output", bias)

    def _relative_bias(self, *, first_only: bool) -> list[str]:
        """Add [1, heads, tokens, tokens], or [1, heads, 1, tokens]: one node for all layers."""
        if self.encoder.relative_bias is None:
            return []
        positions = len(self.encoder.position_embeddings)
        line = self.constant("relative_bias", distance_line(self.encoder.relative_bias, positions))
        length = self.node("Shape", "input_ids", start=1, end=2)
        zero, one = (self.constant(f"int64 {n}", np.array(n, np.int64)) for n in (0, 1))
        steps = self.node("Range", zero, self.node("Squeeze", length), one)
        columns = self.node("Add", steps, self.integers(positions - 1))
        rows = self.integers(0) if first_only else steps
        distances = self.node("Sub", columns, self.node("Unsqueeze", rows, self.integers(1)))
        bias = self.node("Gather", line, distances, axis=1)
        return [self.node("Unsqueeze", bias, self.integers(0))]

    def _feed_forward(self, name: str, layer: Layer, rows: str, count: str) -> str:
        inner = self.matmul(f"{name}.intermediate", rows, layer.intermediate.weight, count)
        biased = self.add(inner, f"{name}.intermediate", layer.intermediate.bias)
        active = self.node("Gelu", biased, domain=MICROSOFT)
        output = self._narrow(f"{name}.output", active, layer, count)
        return self.add(output, f"{name}.output", layer.output.bias)

    def _narrow(self, name: str, active: str, layer: Layer, count: str) -> str:
        """Multiply the rows after GELU, outlying channels apart: each product has its own scale."""
        weight = layer.output.weight
        if not layer.outliers:
            return self.matmul(name, active, weight, count, after_gelu=True)
        end, cut = len(weight), len(weight) - layer.outliers
        axis = self.integers(1)
        rest = self.node("Slice", active, self.integers(0), self.integers(cut), axis)
        last = self.node("Slice", active, self.integers(cut), self.integers(end), axis)
        product = self.matmul(name, rest, weight[:cut], count, after_gelu=True)
        apart = self.matmul(f"{name}.outliers", last, weight[cut:], count, after_gelu=True)
        return self.node("Add", product, apart)

    def _by_text(self, rows: str) -> str:
        """Reshape to [batch, tokens, hidden], or [batch, 1, hidden] for first tokens only."""
        shape = self.node("Concat", self.texts, self.integers(-1, self.hidden), axis=0)
        return self.node("Reshape", rows, shape)

    def _unscale(self, name: str, rows: str, scale: Floats | None) -> str:
        if scale is None:
            return rows
        return self.node("Mul", rows, self.constant(f"{name}.scale", scale))


def _product(vector: Floats, matrix: Floats) -> Floats:
    """Return vector @ matrix, rounded once: the same bits on every machine, unlike BLAS."""
    products = matrix.astype(np.float64) * vector.astype(np.float64)[:, np.newaxis]
    return np.array([math.fsum(column) for column in products.T], np.float32)
