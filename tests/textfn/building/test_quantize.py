"""The numerics of int8, and that every shipped weight obeys the pair rule."""

from dataclasses import astuple

import numpy as np
import onnx
import pytest
from graphs import CHECKPOINTS, ROOT, TINY_MODELS, open_graph, run
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import numpy_helper

from textfn.building.calibrate import activation_ranges
from textfn.building.checkpoint import read_checkpoint
from textfn.building.encoder_graph import build_graph
from textfn.building.quantize import (
    PAIR_LIMIT,
    quantize_columns,
    quantize_rows,
    same_sign_sum,
    smooth,
    smoothing_factors,
)

SHIPPED = sorted(
    path
    for path in (*ROOT.glob("models/*/*.onnx"), *TINY_MODELS.glob("*/*.onnx"))
    if ".kernels." not in path.name  # of which the weights are places in the other files
)
EMBEDDER = CHECKPOINTS / "tiny-embedder"

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
EVEN = st.integers(1, 5).map(lambda pairs: 2 * pairs)
WEIGHTS = st.tuples(EVEN, st.integers(1, 4)).flatmap(
    lambda shape: arrays.arrays(np.float32, shape, elements=FINITE)
)


def int8_weights(model):
    """Every weight that the graph multiplies with u8 activations: name -> int8 [in, out]."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type == "MatMulIntegerToFloat"]
    return {node.input[1]: numpy_helper.to_array(tensors[node.input[1]]) for node in nodes}


def breaks_the_pair_rule(model):
    return [
        name
        for name, weight in int8_weights(model).items()
        if same_sign_sum(weight.astype(int)).max() > PAIR_LIMIT
    ]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_shipped_weight_can_saturate_a_16_bit_sum(path):
    model = onnx.load(path)
    assert len(int8_weights(model)) >= 12
    assert breaks_the_pair_rule(model) == []


def test_a_spoiled_weight_is_found():
    model = onnx.load(TINY_MODELS / "tiny-embedder" / "model.onnx")
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    weight = numpy_helper.to_array(tensors["layers.1.output.weight"]).copy()
    weight[2:4, 5] = -64, -65
    tensors["layers.1.output.weight"].raw_data = weight.tobytes()
    assert breaks_the_pair_rule(model) == ["layers.1.output.weight"]


def test_same_sign_sum_adds_neighbours_of_one_sign_only():
    column = np.array([[3], [4], [-3], [-4], [3], [-4]])
    assert same_sign_sum(column).tolist() == [[7], [7], [4]]


@given(WEIGHTS)
def test_columns_obey_the_pair_rule_and_err_by_half_a_scale(weights):
    levels, scales = quantize_columns(weights)
    assert levels.dtype == np.int8 and scales.dtype == np.float32
    assert abs(levels.astype(int)).max() <= 127
    assert same_sign_sum(levels.astype(int)).max() <= PAIR_LIMIT
    error = np.abs(levels * scales.astype(np.float64) - weights)
    assert (error <= scales.astype(np.float64) * 0.5001).all()


def test_a_column_without_large_pairs_uses_the_whole_int8_range():
    levels, scales = quantize_columns(np.array([[2.54], [0], [-2.54], [1.0]], np.float32))
    assert levels.T.tolist() == [[127, 0, -127, 50]]
    assert scales == pytest.approx([0.02])


def test_an_odd_number_of_inputs_is_refused():
    with pytest.raises(ValueError, match="must be even, not 3"):
        quantize_columns(np.ones((3, 2), np.float32))


def test_a_row_errs_by_half_its_own_scale():
    table = np.array([[1, -0.5, 0.25], [1000, 3, -7], [0, 0, 0]], np.float32)
    levels, scales = quantize_rows(table)
    assert levels[:, 0].tolist() == [127, 127, 0]
    assert (np.abs(levels * scales - table) <= scales * 0.5001).all()


def test_smoothing_leaves_the_function_alone():
    encoder, _ = read_checkpoint(EMBEDDER)
    ids = np.random.default_rng(3).integers(5, 100, 16).astype(np.int32)
    factors = smoothing_factors(encoder, activation_ranges(encoder, [ids]))
    smoothed = smooth(encoder, factors)
    expected, found = (
        run(open_graph(build_graph(each, quantized=False)), [ids]) for each in (encoder, smoothed)
    )
    assert found == pytest.approx(expected, abs=1e-5)
    assert any(factor.max() > 1.1 * factor.min() for factor in factors.values())


def test_smoothing_evens_out_activations_and_weights():
    encoder, _ = read_checkpoint(EMBEDDER)
    names = smoothing_factors(encoder, dict.fromkeys(_matmuls(encoder), np.ones(16, np.float32)))
    loud = {name: np.ones(16, np.float32) for name in names}
    loud["layers.0.query"][3] = 100
    factors = smoothing_factors(encoder, loud)["layers.0.query"]
    # Equation 4 of arXiv 2211.10438: a hundredfold range moves by 100 to the power of alpha.
    assert factors[3] / names["layers.0.query"][3] == pytest.approx(100**0.6, rel=1e-4)


def _matmuls(encoder):
    parts = ("query", "attention_output", "intermediate")
    return [f"layers.{number}.{part}" for number in range(len(encoder.layers)) for part in parts]


def test_smoothing_changes_no_array_of_the_encoder_it_is_given():
    encoder, _ = read_checkpoint(EMBEDDER)
    factors = {name: np.full(16, 2, np.float32) for name in _matmuls(encoder)}
    before = repr(astuple(encoder))
    smooth(encoder, factors)
    assert repr(astuple(encoder)) == before
