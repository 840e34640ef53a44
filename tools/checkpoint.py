"""Reads a checkpoint folder (config.json, model.safetensors) into plain numpy arrays."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

Floats = NDArray[np.float32]


class CheckpointError(ValueError):
    """The checkpoint is not one this builder can turn into a graph."""


@dataclass(frozen=True)
class Linear:
    """y = x @ weight + bias, weight [in, out], bias [out]."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True)
class Norm:
    """LayerNorm over the last axis, weight and bias [hidden]."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True)
class Layer:
    """One post-norm Transformer layer (Devlin et al., arXiv 1810.04805).

    `input_scale` and `middle_scale` [hidden] are what the layer's input and its attention norm
    were divided by (tools.quantize.smooth): the residual branches multiply by them.
    """

    query: Linear
    key: Linear
    value: Linear
    attention_output: Linear
    attention_norm: Norm
    intermediate: Linear
    output: Linear
    output_norm: Norm
    input_scale: Floats | None = None
    middle_scale: Floats | None = None


@dataclass(frozen=True)
class Encoder:
    """Embeddings [vocabulary, hidden] and [positions, hidden], then the layers."""

    word_embeddings: Floats
    position_embeddings: Floats
    embedding_norm: Norm
    layers: tuple[Layer, ...]
    heads: int
    layer_norm_eps: float


@dataclass(frozen=True)
class Head:
    """Classifier of a pooled text: out_proj(tanh(dense(x))), as in RoBERTa's."""

    dense: Linear
    out_proj: Linear


class Tensors:
    """The tensors of a checkpoint by name, with the encoder's optional prefix stripped."""

    def __init__(self, path: Path, prefix: str) -> None:
        self._tensors = {
            name.removeprefix(prefix): tensor for name, tensor in load_file(path).items()
        }

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def array(self, name: str) -> Floats:
        if name not in self._tensors:
            raise CheckpointError(f"the checkpoint has no tensor {name}")
        return self._tensors[name].astype(np.float32)

    def linear(self, name: str) -> Linear:
        weight = np.ascontiguousarray(self.array(f"{name}.weight").T)
        return Linear(weight, self.array(f"{name}.bias"))

    def norm(self, name: str) -> Norm:
        return Norm(self.array(f"{name}.weight"), self.array(f"{name}.bias"))


def read_bert(folder: Path, config: dict[str, Any]) -> tuple[Encoder, Head | None]:
    if config["hidden_act"] != "gelu":
        raise CheckpointError(f"hidden_act {config['hidden_act']} is not supported, only gelu")
    tensors = Tensors(folder / "model.safetensors", "bert.")
    # Every request is one segment: token type 0 everywhere, a constant of the position.
    first_segment = tensors.array("embeddings.token_type_embeddings.weight")[0]
    encoder = Encoder(
        word_embeddings=tensors.array("embeddings.word_embeddings.weight"),
        position_embeddings=tensors.array("embeddings.position_embeddings.weight") + first_segment,
        embedding_norm=tensors.norm("embeddings.LayerNorm"),
        layers=tuple(
            _read_bert_layer(tensors, f"encoder.layer.{number}")
            for number in range(config["num_hidden_layers"])
        ),
        heads=config["num_attention_heads"],
        layer_norm_eps=config["layer_norm_eps"],
    )
    return encoder, _read_head(tensors)


def _read_bert_layer(tensors: Tensors, name: str) -> Layer:
    return Layer(
        query=tensors.linear(f"{name}.attention.self.query"),
        key=tensors.linear(f"{name}.attention.self.key"),
        value=tensors.linear(f"{name}.attention.self.value"),
        attention_output=tensors.linear(f"{name}.attention.output.dense"),
        attention_norm=tensors.norm(f"{name}.attention.output.LayerNorm"),
        intermediate=tensors.linear(f"{name}.intermediate.dense"),
        output=tensors.linear(f"{name}.output.dense"),
        output_norm=tensors.norm(f"{name}.output.LayerNorm"),
    )


def _read_head(tensors: Tensors) -> Head | None:
    if "classifier.dense.weight" not in tensors:
        return None
    return Head(tensors.linear("classifier.dense"), tensors.linear("classifier.out_proj"))


Reader = Callable[[Path, dict[str, Any]], tuple[Encoder, Head | None]]

READERS: dict[str, Reader] = {"bert": read_bert}


def read_checkpoint(folder: Path) -> tuple[Encoder, Head | None]:
    """The folder's encoder, and its classification head if it has one."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    model_type = config.get("model_type")
    if model_type not in READERS:
        known = ", ".join(sorted(READERS))
        raise CheckpointError(f"model_type {model_type} is not supported; choose one of: {known}")
    return READERS[model_type](folder, config)
