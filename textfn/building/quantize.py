"""The numerics of int8: pure functions over arrays, every constant with its source."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textfn.building.checkpoint import Encoder, Floats, Layer, Linear, Norm

Indices = NDArray[np.int64]

# Symmetric int8: -128 is left out so that q and -q both exist (ONNX QuantizeLinear, Jacob et
# al., arXiv 1712.05877).
INT8_MAX = 127

# x86 without VNNI multiplies with vpmaddubsw (Intel SDM): two neighbouring u8 x s8 products
# are added in 16 bits and clipped at 32,767. With activations up to 255 nothing clips when two
# neighbouring weights of one sign never add up to more than this.
PAIR_LIMIT = 32_767 // 255

# SmoothQuant's migration strength (Xiao et al., arXiv 2211.10438, equation 4). The paper's
# default is 0.5; 0.5 to 0.65 measure alike on these encoders.
SMOOTHING_ALPHA = 0.6

# After GELU a few channels of some layers reach far beyond all others ("massive activations",
# Sun et al., arXiv 2402.17762): in one layer of all-mpnet-base-v2 to 101, the fifth-largest to 5.
# One scale per token leaves the others too few levels, so the largest channels get a product and
# a scale of their own. Their number is even, since neighbours are added in pairs.
OUTLIERS = 4
OUTLIER_RATIO = 1.5  # of the largest channel's range to that of the largest which is no outlier

# Keeps a channel that calibration never saw active, or whose weights are zero, at a finite
# factor.
SMALLEST_RANGE = 1e-4


def same_sign_sum(weights: NDArray[Any]) -> NDArray[Any]:
    """Return the largest |sum| that neighbours of one sign reach: [in, out] -> [in/2, out]."""
    first, second = weights[0::2], weights[1::2]
    positive = np.maximum(first, 0) + np.maximum(second, 0)
    negative = np.maximum(-first, 0) + np.maximum(-second, 0)
    largest: NDArray[Any] = np.maximum(positive, negative)
    return largest


def quantize_columns(weights: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Quantize to pair-safe symmetric int8, one scale per column.

    [in, out] -> int8 [in, out], scales [out].

    `in` is even, since neighbours along it are added in pairs (see PAIR_LIMIT). Each scale is
    just large enough for both the int8 range and the pair limit, so that the error of a weight
    is at most half a scale.
    """
    if len(weights) % 2:
        raise ValueError(f"the input size must be even, not {len(weights)}")
    exact = weights.astype(np.float64)
    needed = np.maximum(
        np.abs(exact).max(axis=0) / INT8_MAX, same_sign_sum(exact).max(axis=0) / PAIR_LIMIT
    )
    scales = np.maximum(needed, np.finfo(np.float32).tiny).astype(np.float32)
    levels = np.clip(np.rint(exact / scales), -INT8_MAX, INT8_MAX)
    # A scale rounded down to float32 can let a pair round to one above the limit.
    over = same_sign_sum(levels) > PAIR_LIMIT
    levels[0::2] -= np.sign(levels[0::2]) * over
    return levels.astype(np.int8), scales


def quantize_rows(table: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Quantize to symmetric int8, one scale per row.

    [rows, columns] -> int8 [rows, columns], scales [rows, 1].
    """
    ranges = np.abs(table).max(axis=1, keepdims=True)
    scales = np.maximum(ranges / np.float32(INT8_MAX), np.finfo(np.float32).tiny)
    return np.rint(table / scales).astype(np.int8), scales


def smoothing_factors(encoder: Encoder, ranges: Mapping[str, Floats]) -> dict[str, Floats]:
    """Compute SmoothQuant's equation 4 for every smoothed input: name -> factors [in].

    `ranges` holds the largest |activation| of each input channel, by the names that this
    function returns.
    """
    return {
        name: _factors(ranges[name], weights)
        for number, layer in enumerate(encoder.layers)
        for name, weights in _smoothed_weights(number, layer).items()
    }


def _smoothed_weights(number: int, layer: Layer) -> dict[str, list[Floats]]:
    # Not layer.output: smoothing the input after GELU loses more than it wins.
    prefix = f"layers.{number}"
    return {
        f"{prefix}.query": [layer.query.weight, layer.key.weight, layer.value.weight],
        f"{prefix}.attention_output": [layer.attention_output.weight],
        f"{prefix}.intermediate": [layer.intermediate.weight],
    }


def _factors(activations: Floats, weights: list[Floats]) -> Floats:
    rows = np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0)
    powered = np.maximum(activations, SMALLEST_RANGE) ** SMOOTHING_ALPHA
    factors: Floats = powered / np.maximum(rows, SMALLEST_RANGE) ** (1 - SMOOTHING_ALPHA)
    return factors.astype(np.float32)


def smooth(encoder: Encoder, factors: Mapping[str, Floats]) -> Encoder:
    """Return an equal encoder: every smoothed input is divided, and its weights are multiplied.

    The LayerNorm or the value projection before the input takes the division, so it costs no time.
    The residual branches find the factors in `input_scale` and `middle_scale`.
    """
    entering = [factors[f"layers.{number}.query"] for number in range(len(encoder.layers))]
    leaving = [*entering[1:], None]
    layers = tuple(
        _smooth_layer(
            layer,
            entering[number],
            factors[f"layers.{number}.attention_output"],
            factors[f"layers.{number}.intermediate"],
            leaving[number],
        )
        for number, layer in enumerate(encoder.layers)
    )
    return replace(
        encoder, embedding_norm=_divide_norm(encoder.embedding_norm, entering[0]), layers=layers
    )


def _smooth_layer(
    layer: Layer, entering: Floats, context: Floats, middle: Floats, leaving: Floats | None
) -> Layer:
    value = _multiply_rows(layer.value, entering)
    return replace(
        layer,
        query=_multiply_rows(layer.query, entering),
        key=_multiply_rows(layer.key, entering),
        value=Linear(value.weight / context, value.bias / context),
        attention_output=_multiply_rows(layer.attention_output, context),
        attention_norm=_divide_norm(layer.attention_norm, middle),
        intermediate=_multiply_rows(layer.intermediate, middle),
        output_norm=layer.output_norm
        if leaving is None
        else _divide_norm(layer.output_norm, leaving),
        input_scale=entering,
        middle_scale=middle,
    )


def outlying_channels(ranges: Mapping[str, Floats], layers: int) -> dict[str, Indices]:
    """Find the channels after GELU that go beyond all others: name -> indices [OUTLIERS].

    `ranges` holds the largest |activation| of each channel, as in `smoothing_factors`. A layer
    without such channels is left out.
    """
    found = {}
    for number in range(layers):
        channels = ranges[f"layers.{number}.output"]
        order = np.argsort(channels, kind="stable")
        if channels[order[-1]] > OUTLIER_RATIO * channels[order[-1 - OUTLIERS]]:
            found[_outliers(number)] = np.sort(order[-OUTLIERS:])
    return found


def set_apart(encoder: Encoder, indices: Mapping[str, NDArray[Any]]) -> Encoder:
    """Return the same function whose outlying channels are the last ones after GELU.

    `indices` has what `outlying_channels` found; other names in it are ignored.
    """
    layers = tuple(
        _last(layer, indices[_outliers(number)]) if _outliers(number) in indices else layer
        for number, layer in enumerate(encoder.layers)
    )
    return replace(encoder, layers=layers)


def _outliers(number: int) -> str:
    return f"layers.{number}.output.outliers"


def _last(layer: Layer, outliers: Indices) -> Layer:
    inner, output = layer.intermediate, layer.output
    order = np.concatenate([np.setdiff1d(np.arange(len(inner.bias)), outliers), outliers])
    return replace(
        layer,
        intermediate=Linear(np.ascontiguousarray(inner.weight[:, order]), inner.bias[order]),
        output=Linear(output.weight[order], output.bias),
        outliers=len(outliers),
    )


def _multiply_rows(linear: Linear, factors: Floats) -> Linear:
    return Linear(linear.weight * factors[:, np.newaxis], linear.bias)


def _divide_norm(norm: Norm, factors: Floats) -> Norm:
    return Norm(norm.weight / factors, norm.bias / factors)
