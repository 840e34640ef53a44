"""Write graphs to files, and the weights of a big model to one data file beside them.

onnxruntime maps a data file into memory instead of parsing it, which shortens a base-size model's
start by a quarter. Graphs that differ only in their pooling share the file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import onnx
from onnx import external_data_helper

# From this many bytes of weights a data file pays. MiniLM, 23 MB, starts as fast in one file.
BIG = 32 * 2**20
# Smaller constants stay in the graph, where onnxruntime can see shapes and axes.
SMALLEST = 1024
# A page of memory, so that each tensor can be mapped.
ALIGNMENT = 4096
DATA = "model.onnx.data"


def write_graphs(graphs: Mapping[Path, onnx.ModelProto]) -> None:
    """Write the files of a model into one folder. Tensors with one name must be equal."""
    size = max(sum(len(each.raw_data) for each in tensors(graph)) for graph in graphs.values())
    if size >= BIG:
        with (next(iter(graphs)).parent / DATA).open("wb") as data:
            places: dict[str, tuple[int, int]] = {}
            for graph in graphs.values():
                for tensor in tensors(graph):
                    if len(tensor.raw_data) >= SMALLEST:
                        _move(tensor, data, places)
    for path, graph in graphs.items():
        path.write_bytes(graph.SerializeToString(deterministic=True))


def tensors(graph: onnx.ModelProto) -> list[onnx.TensorProto]:
    return list(graph.graph.initializer)


def _move(tensor: onnx.TensorProto, data: BinaryIO, places: dict[str, tuple[int, int]]) -> None:
    """Move the tensor's bytes into the file, once for all tensors of its name."""
    if tensor.name not in places:
        data.write(bytes(-data.tell() % ALIGNMENT))
        places[tensor.name] = data.tell(), len(tensor.raw_data)
        data.write(tensor.raw_data)
    offset, length = places[tensor.name]
    external_data_helper.set_external_data(tensor, DATA, offset=offset, length=length)
    tensor.ClearField("raw_data")
