"""Each architecture against torch and transformers (tests/golden/make_references.py)."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from graphs import CHECKPOINTS, cosines, open_graph, run

from shared.inference.tokenization import Tokenization
from textfn.building.checkpoint import CheckpointError, read_checkpoint
from textfn.building.encoder_graph import build_graph

# Name, most tokens, and what torch's numbers are there for.
EMBEDDERS = [
    ("tiny-mpnet", 160, "mean"),
    ("tiny-mpnet", 160, "cls"),
    ("tiny-xlm-roberta", 32, "mean"),
]
ALL = [*EMBEDDERS, ("tiny-distilbert", 32, "logits")]


def golden(name):
    return json.loads((CHECKPOINTS / name / "golden.json").read_text(encoding="utf-8"))


def session(name, output, *, quantized):
    encoder, head = read_checkpoint(CHECKPOINTS / name)
    pooling = "mean" if output == "mean" else "cls"
    return open_graph(build_graph(encoder, head, pooling=pooling, quantized=quantized))


@pytest.mark.parametrize(("name", "max_tokens", "output"), ALL)
def test_the_fp32_graph_is_torch_within_1e_5(name, max_tokens, output):
    graph, cases = session(name, output, quantized=False), golden(name)
    assert {1, 2, max_tokens - 1, max_tokens} <= {len(case["ids"]) for case in cases}
    for case in cases:
        assert run(graph, [case["ids"]])[0] == pytest.approx(case[output], abs=1e-5)


@pytest.mark.parametrize(("name", "max_tokens", "output"), EMBEDDERS)
def test_the_int8_embedder_is_near_torch(name, max_tokens, output):
    graph, cases = session(name, output, quantized=True), golden(name)
    found = np.concatenate([run(graph, [case["ids"]]) for case in cases])
    assert cosines(found, np.array([case[output] for case in cases], np.float32)).min() >= 0.99


def test_the_int8_classifier_is_near_torch():
    graph = session("tiny-distilbert", "logits", quantized=True)
    for case in golden("tiny-distilbert"):
        assert run(graph, [case["ids"]])[0] == pytest.approx(case["logits"], abs=0.1)


@pytest.mark.parametrize(("name", "max_tokens", "output"), ALL)
def test_a_text_has_the_same_bits_alone_and_in_any_batch(name, max_tokens, output):
    graph = session(name, output, quantized=True)
    texts = [case["ids"] for case in golden(name)]
    together = run(graph, texts)
    assert all(
        (run(graph, [text])[0] == row).all() for text, row in zip(texts, together, strict=True)
    )


@pytest.mark.parametrize(("name", "max_tokens"), sorted({each[:2] for each in ALL}))
def test_the_ids_are_those_of_the_reference_and_cut_at_the_limit(name, max_tokens):
    tokenization = Tokenization(CHECKPOINTS / name / "tokenizer.json", max_tokens)
    texts = [case for case in golden(name) if "text" in case]
    for case in texts:
        assert tokenization.encode(case["text"])[0] == case["ids"]
    ids, cut = tokenization.encode(texts[-1]["text"])  # one token too many
    assert (len(ids), cut) == (max_tokens, True)


def test_the_relative_bias_is_gathered_once_for_all_layers():
    encoder, _ = read_checkpoint(CHECKPOINTS / "tiny-mpnet")
    graph = build_graph(encoder).graph
    lines = [node for node in graph.node if "relative_bias" in node.input]
    attentions = [node for node in graph.node if node.op_type == "MultiHeadAttention"]
    assert len(lines) == 1
    assert len({node.input[5] for node in attentions}) == 1 and len(attentions) == 2


def test_another_number_of_distance_buckets_is_refused():
    encoder, _ = read_checkpoint(CHECKPOINTS / "tiny-mpnet")
    encoder = replace(encoder, relative_bias=np.zeros((64, 2), np.float32))
    with pytest.raises(CheckpointError, match="64 distance buckets are not supported, only 32"):
        build_graph(encoder)


def test_positions_that_are_not_absolute_are_refused(tmp_path):
    folder = shutil.copytree(CHECKPOINTS / "tiny-embedder", tmp_path / "relative")
    config = json.loads((folder / "config.json").read_bytes())
    config["position_embedding_type"] = "relative_key"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="relative_key is not supported, only absolute"):
        read_checkpoint(folder)
