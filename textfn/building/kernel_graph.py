"""Writes the graph of one operator, `Encoder` of the domain `textfn`, beside a standard graph.

kernels/ has the operator, docs/kernels.md says how it works. The graph has no weights of its own:
its constants are places in the files of the standard graph, which onnxruntime maps into memory.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, external_data_helper, helper, numpy_helper

DOMAIN = "textfn"
OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid(DOMAIN, 1)]
IR_VERSION = 8
# Raised together with that of kernels/encoder.h when bits of an answer change, so that a model's
# fingerprint changes too.
NUMERICS = 1
# The kernels compute sixteen numbers at a time.
LANES = 16
HEADS = {"Tanh": 1, "Relu": 2}

EMBEDDINGS = (
    "word_embeddings",
    "word_embeddings.scale",
    "position_embeddings",
    "embedding_norm.weight",
    "embedding_norm.bias",
)
# In the order of the list in kernels/encoder.h.
LAYER = (
    "query.weight",
    "query.scale",
    "query.bias",
    "key.weight",
    "key.scale",
    "value.weight",
    "value.scale",
    "attention_output.weight",
    "attention_output.scale",
    "attention_output.bias",
    "input.scale",
    "attention_norm.weight",
    "attention_norm.bias",
    "intermediate.weight",
    "intermediate.scale",
    "intermediate.bias",
    "output.weight",
    "output.scale",
    "output.bias",
    "middle.scale",
    "output_norm.weight",
    "output_norm.bias",
)
HEAD = tuple(
    f"head.{matrix}.{part}"
    for matrix in ("dense", "out_proj")
    for part in ("weight", "scale", "bias")
)


def write_kernel_graph(path: Path) -> Path | None:
    """Write model.kernels.onnx beside a standard graph, model.onnx, that `build_graph` made.

    Returns the path, or None for sizes that the kernels do not support.
    """
    graph = onnx.load(path, load_external_data=False)
    tensors = {each.name: each for each in graph.graph.initializer}
    sizes = tensors["word_embeddings"].dims[1], tensors["layers.0.intermediate.weight"].dims[1]
    if any(size % LANES for size in sizes):
        return None
    written = path.with_suffix(f".kernels{path.suffix}")
    written.write_bytes(_kernel_graph(graph, tensors, path).SerializeToString(deterministic=True))
    return written


def _kernel_graph(
    graph: onnx.ModelProto, tensors: dict[str, TensorProto], path: Path
) -> onnx.ModelProto:
    operators = {node.op_type: node for node in graph.graph.node}
    layers = sum(name.endswith(".query.weight") for name in tensors)
    head = next((HEADS[each] for each in HEADS if each in operators), 0)
    names = list(_names(layers, relative="relative_bias" in tensors, head=bool(head)))
    content = path.read_bytes()
    constants = [_placed(tensors[name], path, content) for name in names if name in tensors]
    if len(constants) < len(names):
        width = tensors["embedding_norm.bias"].dims[0]
        constants.append(numpy_helper.from_array(np.ones(width, np.float32), "ones"))
    node = helper.make_node(
        "Encoder",
        ["ids", "lengths", *(name if name in tensors else "ones" for name in names)],
        [graph.graph.output[0].name],
        domain=DOMAIN,
        numerics=NUMERICS,
        layers=layers,
        heads=helper.get_attribute_value(operators["MultiHeadAttention"].attribute[0]),
        first_only=int("ReduceSum" not in operators),
        relative=int("relative_bias" in tensors),
        head=head,
        epsilon=_attribute(operators["LayerNormalization"], "epsilon"),
    )
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT32, [size])
        for name, size in (("ids", "tokens"), ("lengths", "texts"))
    ]
    width = graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    output = helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, ["texts", width])
    body = helper.make_graph([node], "encoder", inputs, [output], constants)
    return helper.make_model(body, opset_imports=OPSETS, ir_version=IR_VERSION)


def _names(layers: int, *, relative: bool, head: bool) -> Iterator[str]:
    yield from EMBEDDINGS
    if relative:
        yield "relative_bias"
    for number in range(layers):
        yield from (f"layers.{number}.{name}" for name in LAYER)
    if head:
        yield from HEAD


def _attribute(node: onnx.NodeProto, name: str) -> float:
    value: float = next(each.f for each in node.attribute if each.name == name)
    return value


def _placed(tensor: TensorProto, path: Path, content: bytes) -> TensorProto:
    """Return the tensor as a place in the file that has its bytes."""
    if external_data_helper.uses_external_data(tensor):
        return tensor
    placed = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    offset = content.index(tensor.raw_data)
    placed.raw_data = b""
    external_data_helper.set_external_data(
        placed, path.name, offset=offset, length=len(tensor.raw_data)
    )
    placed.ClearField("raw_data")
    return placed
