"""Graphs against torch's numbers (tests/golden/make_references.py), fp32 and int8."""

import json

import numpy as np
import onnx
import pytest
from graphs import CHECKPOINTS, MINILM, ROOT, TINY_MODELS, cosines, open_graph, run
from tokenizers import Tokenizer

from shared.manifest import read
from textfn.building.checkpoint import CheckpointError, read_checkpoint
from textfn.building.encoder_graph import build_graph

EMBEDDER, SENTIMENT = "tiny-embedder", "tiny-sentiment"
SESSION = open_graph(MINILM / "model.onnx")


def golden(name):
    return json.loads((CHECKPOINTS / name / "golden.json").read_text(encoding="utf-8"))


def minilm_tokenizer():
    tokenizer = Tokenizer.from_file(str(MINILM / "tokenizer.json"))
    tokenizer.enable_truncation(read(MINILM).max_tokens)
    return tokenizer


def minilm(texts):
    """L2-normalised vectors, one text a run."""
    encodings = minilm_tokenizer().encode_batch(list(texts))
    vectors = np.concatenate([run(SESSION, [encoding.ids]) for encoding in encodings])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def sentences():
    return (ROOT / "benchmarks" / "sentences.txt").read_text(encoding="utf-8").split("\n")


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_fp32_graph_is_torch_within_1e_5(pooling):
    encoder, _ = read_checkpoint(CHECKPOINTS / EMBEDDER)
    session = open_graph(build_graph(encoder, pooling=pooling, quantized=False))
    cases = golden(EMBEDDER)
    assert {1, 2, 31, 32} <= {len(case["ids"]) for case in cases}
    for case in cases:
        assert run(session, [case["ids"]])[0] == pytest.approx(case[pooling], abs=1e-5)


def test_the_fp32_classifier_is_torch_within_1e_5():
    encoder, head = read_checkpoint(CHECKPOINTS / SENTIMENT)
    session = open_graph(build_graph(encoder, head, pooling="cls", quantized=False))
    for case in golden(SENTIMENT):
        assert run(session, [case["ids"]])[0] == pytest.approx(case["logits"], abs=1e-5)


def test_a_head_over_mean_pooling_reads_the_mean():
    encoder, head = read_checkpoint(CHECKPOINTS / SENTIMENT)
    ids = [golden(SENTIMENT)[0]["ids"]]
    mean = run(open_graph(build_graph(encoder, quantized=False)), ids)
    logits = run(open_graph(build_graph(encoder, head, pooling="mean", quantized=False)), ids)
    active = np.tanh(mean @ head.dense.weight + head.dense.bias)
    expected = active @ head.out_proj.weight + head.out_proj.bias
    assert logits == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("pooling", "file"), [("mean", "model.onnx"), ("cls", "model-cls.onnx")])
def test_the_int8_embedder_is_near_torch(pooling, file):
    session = open_graph(TINY_MODELS / EMBEDDER / file)
    found = np.concatenate([run(session, [case["ids"]]) for case in golden(EMBEDDER)])
    expected = np.array([case[pooling] for case in golden(EMBEDDER)], np.float32)
    assert cosines(found, expected).min() >= 0.999
    # Not normalised, and a true mean: lengths agree as well as directions.
    assert np.linalg.norm(found, axis=1) == pytest.approx(
        np.linalg.norm(expected, axis=1), rel=0.02
    )


def test_the_int8_classifier_is_near_torch():
    session = open_graph(TINY_MODELS / SENTIMENT / "model.onnx")
    for case in golden(SENTIMENT):
        assert run(session, [case["ids"]])[0] == pytest.approx(case["logits"], abs=0.1)


def test_the_tiny_classifier_tells_good_from_bad():
    session = open_graph(TINY_MODELS / SENTIMENT / "model.onnx")
    by_text = {case["text"]: case["ids"] for case in golden(SENTIMENT) if "text" in case}
    great, awful = run(session, [by_text["This pizza is great!"], by_text["This pizza is awful!"]])
    positive = [1 / (1 + np.exp(logits[0] - logits[1])) for logits in (great, awful)]
    assert positive[0] > 0.9 and positive[1] < 0.1


@pytest.mark.parametrize(
    "file",
    ["tiny-embedder/model.onnx", "tiny-embedder/model-cls.onnx", "tiny-sentiment/model.onnx"],
)
def test_a_text_has_the_same_bits_alone_and_in_any_batch(file):
    session = open_graph(TINY_MODELS / file)
    random = np.random.default_rng(7)
    texts = [random.integers(5, 300, length) for length in (1, 2, 5, 8, 13, 31, 32)]
    together = run(session, texts)
    assert all(
        (run(session, [text])[0] == row).all() for text, row in zip(texts, together, strict=True)
    )


def test_a_real_text_has_the_same_bits_alone_and_in_any_batch(sentences):
    ids = [encoding.ids for encoding in minilm_tokenizer().encode_batch(sentences[:32])]
    together = run(SESSION, ids)
    assert all(
        (run(SESSION, [text])[0] == row).all() for text, row in zip(ids, together, strict=True)
    )


def test_a_row_of_zeros_stays_finite():
    encoder, head = read_checkpoint(CHECKPOINTS / SENTIMENT)
    encoder.layers[-1].output_norm.weight[:] = 0
    logits = run(open_graph(build_graph(encoder, head, pooling="cls")), [[2, 3]])
    assert logits.tolist() == [[0, 0]]


def test_equal_nodes_are_written_once():
    encoder, _ = read_checkpoint(CHECKPOINTS / EMBEDDER)
    operators = [node.op_type for node in build_graph(encoder).graph.node]
    # Query, key and value share their input's quantization: four a layer, not six.
    assert operators.count("QuantizeLinear") == 4 * len(encoder.layers)
    assert operators.count("MatMulIntegerToFloat") == 6 * len(encoder.layers)


def test_cls_pooling_prunes_the_last_layer():
    encoder, _ = read_checkpoint(CHECKPOINTS / EMBEDDER)
    graph = build_graph(encoder, pooling="cls").graph
    assert "ReduceSum" not in {node.op_type for node in graph.node}
    assert [node.op_type for node in graph.node].count("QuantizeLinear") == 4 * 2 + 1


@pytest.mark.parametrize("path", [TINY_MODELS / EMBEDDER / "model.onnx", MINILM / "model.onnx"])
def test_models_are_valid_and_take_int32(path):
    model = onnx.load(path)
    assert {each.type.tensor_type.elem_type for each in model.graph.input} == {
        onnx.TensorProto.INT32
    }
    assert [each.name for each in model.graph.input] == ["input_ids", "attention_mask"]
    assert [each.name for each in model.graph.output] == ["embedding"]


def test_minilm_is_near_torch_on_240_texts(sentences):
    with np.load(ROOT / "tests" / "golden" / "references.npz") as references:
        lines, expected = references["lines"], references["vectors"]
    found = cosines(minilm(sentences[line - 1] for line in lines), expected)
    assert len(found) == 240
    assert found.mean() >= 0.9985
    assert found.min() >= 0.9969  # what docs/differences.md promises


def test_references_and_calibration_share_no_line():
    with np.load(ROOT / "tests" / "golden" / "references.npz") as references:
        assert references["lines"].min() >= 1 and references["lines"].max() <= 500 - 96


@pytest.mark.parametrize("reference", read(MINILM).references, ids=lambda each: each["origin"])
def test_minilm_gives_the_published_numbers_within_the_tolerance(reference):
    if "text" in reference:
        found, expected = minilm([reference["text"]])[0, :5], reference["first_numbers"]
    else:
        vectors = minilm([reference["source"], *reference["sentences"]])
        found, expected = vectors[1:] @ vectors[0], reference["similarities"]
    assert found == pytest.approx(expected, abs=reference["tolerance"])


def test_an_unknown_architecture_is_refused_by_name(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(CheckpointError, match="gpt2 is not supported; choose one of: bert"):
        read_checkpoint(tmp_path)


def test_another_activation_is_refused(tmp_path):
    config = json.loads((CHECKPOINTS / EMBEDDER / "config.json").read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(config | {"hidden_act": "relu"}))
    with pytest.raises(CheckpointError, match="hidden_act relu is not supported"):
        read_checkpoint(tmp_path)


def test_a_missing_tensor_is_named(tmp_path):
    source = CHECKPOINTS / EMBEDDER
    config = json.loads((source / "config.json").read_bytes()) | {"num_hidden_layers": 3}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes((source / "model.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match="no tensor encoder.layer.2.attention.self.query"):
        read_checkpoint(tmp_path)
