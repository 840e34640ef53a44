"""Read a checkpoint folder (config.json, model.safetensors) into plain numpy arrays."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from textfn.building.architectures import ARCHITECTURES, Architecture
from textfn.failure import Failure

Floats = NDArray[np.float32]


class CheckpointError(Failure):
    """A checkpoint that cannot be turned into a graph; the message names the fault."""


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

    `smooth` of textfn.building.quantize divides the layer's input by `input_scale` [hidden] and the
    output of its attention norm by `middle_scale` [hidden]; the residual branches multiply by them.
    The last `outliers` rows of the output's weight are multiplied apart (quantize.set_apart).
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
    outliers: int = 0


@dataclass(frozen=True)
class Encoder:
    """Embeddings [vocabulary, hidden] and [positions, hidden], then the layers.

    Row 0 of `position_embeddings` is a text's first token. `relative_bias` [buckets, heads] is
    added to the attention scores, by the distance between two tokens (MPNet).
    """

    word_embeddings: Floats
    position_embeddings: Floats
    embedding_norm: Norm
    layers: tuple[Layer, ...]
    heads: int
    layer_norm_eps: float
    relative_bias: Floats | None = None


@dataclass(frozen=True)
class Head:
    """Classifier of a pooled text: out_proj(activation(dense(x))), `activation` ONNX's name."""

    dense: Linear
    out_proj: Linear
    activation: str = "Tanh"


class Tensors:
    """The tensors of a checkpoint by name, with the encoder's optional prefix stripped.

    Raises CheckpointError for a file in another format. A pickle is not run.
    """

    def __init__(self, path: Path, prefix: str) -> None:
        try:
            tensors = load_file(path)
        except SafetensorError as error:
            raise CheckpointError(f"{path.name} is not in safetensors: {error}") from None
        self._tensors = {name.removeprefix(prefix): tensors[name] for name in tensors}

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


# DistilBERT's config.json has other names, and no epsilon of the norms: that is in its code alone.
_DISTILBERT_CONFIG = {
    "activation": "hidden_act",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
}
_EPSILON = 1e-12


def read_checkpoint(folder: Path) -> tuple[Encoder, Head | None]:
    """Read the folder's encoder, and its classification head if it has one.

    Raises CheckpointError.
    """
    config = read_config(folder)
    architecture = ARCHITECTURES[config["model_type"]]
    tensors = Tensors(folder / "model.safetensors", architecture.prefix)
    encoder = Encoder(
        word_embeddings=tensors.array("embeddings.word_embeddings.weight"),
        position_embeddings=_positions(tensors, architecture),
        embedding_norm=tensors.norm("embeddings.LayerNorm"),
        layers=tuple(
            _read_layer(tensors, f"{architecture.layers}.{number}", architecture.layer)
            for number in range(config["num_hidden_layers"])
        ),
        heads=config["num_attention_heads"],
        layer_norm_eps=config.get("layer_norm_eps", _EPSILON),
        relative_bias=_relative_bias(tensors),
    )
    return encoder, _read_head(tensors)


def read_config(folder: Path) -> dict[str, Any]:
    """Read the folder's config.json, under BERT's names. Raises CheckpointError."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"config.json is not JSON: {error}") from None
    if not isinstance(config, dict):
        raise CheckpointError("config.json holds no object")
    model_type = config.get("model_type")
    if model_type not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise CheckpointError(f"model_type {model_type} is not supported; choose one of: {known}")
    config = {_DISTILBERT_CONFIG.get(name, name): config[name] for name in config}
    supported = {"hidden_act": "gelu", "position_embedding_type": "absolute"}
    for name in supported:
        if config.get(name, supported[name]) != supported[name]:
            only = supported[name]
            raise CheckpointError(f"{name} {config[name]} is not supported, only {only}")
    for name in ("num_hidden_layers", "num_attention_heads"):
        if not isinstance(config.get(name), int):
            raise CheckpointError(f"config.json: {name} is no whole number")
    return config


def _positions(tensors: Tensors, architecture: Architecture) -> Floats:
    positions = tensors.array("embeddings.position_embeddings.weight")[architecture.reserved :]
    if "embeddings.token_type_embeddings.weight" not in tensors:
        return positions
    # Every request is one segment: token type 0 everywhere, a constant of the position.
    first_segment: Floats = tensors.array("embeddings.token_type_embeddings.weight")[0]
    return positions + first_segment


def _read_layer(tensors: Tensors, prefix: str, names: Sequence[str]) -> Layer:
    parts = {
        field.name: tensors.norm(f"{prefix}.{name}")
        if field.name.endswith("_norm")
        else tensors.linear(f"{prefix}.{name}")
        for field, name in zip(fields(Layer), names, strict=False)
    }
    return Layer(**parts)  # type: ignore[arg-type]


def _relative_bias(tensors: Tensors) -> Floats | None:
    name = "encoder.relative_attention_bias.weight"
    return tensors.array(name) if name in tensors else None


def _read_head(tensors: Tensors) -> Head | None:
    if "classifier.dense.weight" in tensors:
        return Head(tensors.linear("classifier.dense"), tensors.linear("classifier.out_proj"))
    if "pre_classifier.weight" in tensors:
        return Head(tensors.linear("pre_classifier"), tensors.linear("classifier"), "Relu")
    return None
