"""What the files of an encoder say, and what would be served wrongly."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import encoders
import numpy as np
import onnx
import pytest
from adding import added, models_in, refused
from encoders import BERT, MEAN, SHORT, WIDTH
from onnx import TensorProto, helper

from shared.inference.model import Model

TEXTS = ["hello world", "A", "Today is a sunny day, and this text is longer than the others"]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with models_in(tmp_path / "models", monkeypatch) as folder:
        yield folder


def test_the_files_of_the_hub_decide_length_pooling_and_unit_length(
    models: Path, tmp_path: Path
) -> None:
    modules = [{"type": f"sentence_transformers.models.{name}"} for name in
               ("Transformer", "Pooling", "Normalize")]  # fmt: skip
    folder = encoders.write(
        tmp_path / "toy",
        config=encoders.CONFIG | {"n_layers": 6, "dim": 768},
        sentence_bert_config={"max_seq_length": 12},
        tokenizer_config={"model_max_length": 1e30},
        modules=modules,
        **{"1_Pooling__config": {"pooling_mode": "mean"}},
    )
    (folder / "README.md").write_text("---\ntags:\n- x\nlicense: mit\n---\n# A model\n")
    manifest = added(models, folder)
    assert (manifest.max_tokens, manifest.pooling, manifest.normalize) == (12, ("mean",), True)
    assert (manifest.licence, manifest.layers, manifest.width) == ("mit", 6, 768)
    result = Model(manifest).embed(["hello world", "hello " * 12])
    assert np.linalg.norm(result.values, axis=1) == pytest.approx(1, abs=1e-6)
    assert result.truncated == 1


POOLED = {"1_Pooling__config": MEAN}
LOGITS = {"inputs": SHORT, "output": "logits"}
KIND = "SequenceClassification"
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "pixels": ({"inputs": (*BERT, "pixel_values")}, "input pixel_values cannot be fed"),
    "no ids": ({"inputs": ("attention_mask", "token_type_ids")}, "has no input input_ids"),
    "floats": ({"dtype": TensorProto.FLOAT}, "tensor(float)"),
    "few words": ({"words": 40}, "has no row for token"),
    "no pooling": (
        {"1_Pooling__config": None},
        "1_Pooling/config.json is not there: say --pooling mean, cls or last",
    ),
    "max pooling": (
        {"1_Pooling__config": {"pooling_mode_max_tokens": True}},
        "1_Pooling/config.json: pooling by max is not served, only one of cls, mean and",
    ),
    "weighted pooling": (
        {"1_Pooling__config": {"pooling_mode": "weightedmean"}},
        "pooling by weightedmean is not served, only",
    ),
    "two poolings": (
        {"1_Pooling__config": MEAN | {"pooling_mode_cls_token": True}},
        "pooling by cls and mean is not served",
    ),
    "two modules of pooling": (
        {"modules": [*encoders.MODULES, encoders.MODULES[1]]},
        "modules.json has 2 modules Pooling; one is served",
    ),
    "a pooling that the graph has not": (
        {"output": "pooler_output"},
        "pooling by mean, but the graph has no rows per token: say --output pooler_output",
    ),
    "a dense module": (
        {"modules": [{"type": "sentence_transformers.models.Dense"}]},
        "its module Dense is not served, only Transformer, Pooling and Normalize",
    ),
    "a prompt without a text": (
        {"config_sentence_transformers": {"default_prompt_name": "query"}},
        'default_prompt_name is "query", no name of prompts',
    ),
    "a prompt that is not pooled": (
        {
            "config_sentence_transformers": {
                "default_prompt_name": "query",
                "prompts": {"query": "hello"},
            },
            "1_Pooling__config": MEAN | {"include_prompt": False},
        },
        "include_prompt is false, and the default prompt query is put before every text",
    ),
    "an unknown unit length": (
        {"modules": None},
        "whether its vectors have unit length: say --normalize or --no-normalize",
    ),
    "letters in two minds": (
        {"tokenizer_config": {"do_lower_case": False}},
        "do_lower_case is false, but tokenizer.json lowers capital letters",
    ),
    "a module elsewhere": (
        {"modules": [{"type": "x.Pooling", "path": "../1_Pooling"}]},
        'modules.json: [0].path is "../1_Pooling", no folder of the model',
    ),
    "positions of roberta": (
        {
            "inputs": (*BERT, "position_ids"),
            "config": encoders.CONFIG | {"model_type": "roberta"},
        },
        "input position_ids cannot be fed: a roberta",
    ),
    "no length": ({"config": {"model_type": "bert"}}, "no file says how many tokens"),
    "too few positions": (
        {"inputs": (*BERT, "position_ids"), "config": {"max_position_embeddings": 64}},
        "a first run failed",
    ),
    "a limit below the special tokens": (
        {"sentence_bert_config": {"max_seq_length": 2}},
        "sentence_bert_config.json: max_seq_length is 2; the tokenizer adds 2 tokens to a text",
    ),
    "no names of labels": (LOGITS, "config.json: id2label is not there"),
    "labels from one": (
        LOGITS | {"config": encoders.CONFIG | {"id2label": {"1": "a", "2": "b", "3": "c"}}},
        'config.json: id2label has ["1", "2", "3"], not the numbers from 0',
    ),
    "a label twice": (
        LOGITS | {"config": encoders.CONFIG | {"id2label": {"0": "a", "1": "b", "2": "a"}}},
        "config.json: id2label has a label twice",
    ),
    "an unknown problem": (
        LOGITS
        | {
            "config": encoders.CONFIG
            | {"id2label": {"0": "a", "1": "b", "2": "c"}, "problem_type": "ranking"}
        },
        'config.json: problem_type is "ranking", not one of regression, multi_label',
    ),
    "a head under another name": (
        {"output": "scores", "config": encoders.CONFIG | {"architectures": ["BertFor" + KIND]}},
        "no output is named logits: say --output scores",
    ),
    "too many labels": (
        LOGITS
        | {"config": encoders.CONFIG | {"id2label": {each: f"label {each}" for each in "0123"}}},
        "gives 3 numbers per text, the manifest says 4",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_would_be_served_wrongly_is_refused_by_name(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    what, words = REFUSALS[name]
    folder = encoders.write(tmp_path / "toy", **(POOLED | what))
    assert words in refused(models, capsys, folder)


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "not finite"), (0.0, "a vector of length zero")]
)
def test_numbers_that_are_no_vectors_are_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], value: float, words: str
) -> None:
    folder = encoders.write(tmp_path / "toy", **POOLED)
    model = onnx.load(folder / "model.onnx")
    for tensor in model.graph.initializer:
        if tensor.name.startswith("table."):
            numbers = np.full(tuple(tensor.dims), value, np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(numbers, tensor.name))
    onnx.save(model, folder / "model.onnx")
    assert words in refused(models, capsys, folder)


def test_fixed_axes_are_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = encoders.write(tmp_path / "toy", **POOLED)
    model = onnx.load(folder / "model.onnx")
    model.graph.input[0].CopyFrom(
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", 128])
    )
    onnx.save(model, folder / "model.onnx")
    assert "input_ids has a fixed axis of 128" in refused(models, capsys, folder)


def test_a_mask_of_floats_is_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = encoders.write(tmp_path / "toy", **POOLED)
    model = onnx.load(folder / "model.onnx")
    model.graph.input[1].type.tensor_type.elem_type = TensorProto.FLOAT
    onnx.save(model, folder / "model.onnx")
    expected = "its input attention_mask is tensor(float), only tensor(int32), tensor(int64)"
    assert expected in refused(models, capsys, folder)


def test_outputs_that_nobody_knows_are_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = encoders.write(tmp_path / "toy", **POOLED)
    model = onnx.load(folder / "model.onnx")
    for number in (0, 1):
        model.graph.node.append(helper.make_node("Tanh", ["last_hidden_state"], [f"x{number}"]))
    del model.graph.output[:]
    for name in ("x0", "x1"):
        value = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "tokens", WIDTH])
        model.graph.output.append(value)
    onnx.save(model, folder / "model.onnx")
    words = "none of its outputs is known: say --output with one of x0, x1"
    assert words in refused(models, capsys, folder)
    words = "the graph has no output x2, only x0, x1"
    assert words in refused(models, capsys, folder, "--output", "x2")


def test_files_that_are_missing_or_no_models_are_named(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = encoders.write(tmp_path / "toy", path="onnx/model_int8.onnx", **POOLED)
    error = refused(models, capsys, folder)
    assert "has no model.onnx or onnx/model.onnx" in error
    assert "--graph chooses one of onnx/model_int8.onnx" in error
    (folder / "model.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert "is no ONNX model" in refused(models, capsys, folder)
    (folder / "config.json").write_text("{")
    chosen = "--graph", "onnx/model_int8.onnx"
    assert "config.json cannot be read" in refused(models, capsys, folder, *chosen)
    (folder / "tokenizer.json").unlink()
    assert "has no tokenizer.json" in refused(models, capsys, folder, *chosen)
    assert "has no model.onnx" in refused(models, capsys, tmp_path / "nothing")
    assert "no name of letters" in refused(models, capsys, folder, "--name", "../x")


def test_weights_that_are_elsewhere_are_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = encoders.write(tmp_path / "toy", data=True, **POOLED)
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../../secret.bin"
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    error = refused(models, capsys, folder)
    assert "its weights are in ../../secret.bin, which is not beside the graph" in error


def test_a_named_graph_is_taken(models: Path, tmp_path: Path) -> None:
    folder = encoders.write(tmp_path / "toy", path="onnx/model_int8.onnx", **POOLED)
    assert added(models, folder, "--graph", "onnx/model_int8.onnx").revision.startswith(
        "model_int8.onnx sha256:"
    )


STRANGE: dict[str, tuple[str, str, str]] = {
    "a list": ("config.json", "[]", "config.json is []. It must be an object."),
    "a type that is no string": (
        "config.json",
        '{"model_type": {}}',
        "config.json: model_type is {}. It must be a string.",
    ),
    "positions that are a string": (
        "config.json",
        '{"max_position_embeddings": "512"}',
        'max_position_embeddings is "512"',
    ),
    "positions without end": (
        "config.json",
        '{"max_position_embeddings": Infinity}',
        "max_position_embeddings is inf",
    ),
    "positions that are none": (
        "config.json",
        '{"max_position_embeddings": NaN}',
        "max_position_embeddings is nan",
    ),
    "nothing but brackets": ("sentence_bert_config.json", "[" * 100_000, "cannot be read"),
    "modules that are numbers": ("modules.json", "[1]", "modules.json: [0] is 1. It must be an"),
    "modules without a type": ("modules.json", "[{}]", "modules.json: [0].type is null"),
    "modules that are a word": ("modules.json", '"x"', 'modules.json is "x". It must be an array'),
    "a prompt in a list": (
        "config_sentence_transformers.json",
        "[1]",
        "config_sentence_transformers.json is [1]. It must be an object.",
    ),
    "two poolings, as version 6 writes": (
        "1_Pooling/config.json",
        '{"pooling_mode": ["cls", "mean"]}',
        "pooling by cls and mean is not served",
    ),
    "a name that is no Unicode": (
        "config.json",
        '{"model_type": "\\ud800"}',
        'config.json: model_type is "\\ud800", which is not Unicode',
    ),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_value_of_another_type_is_refused_with_its_file(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file, content, reason = STRANGE[name]
    folder = encoders.write(tmp_path / "toy", **POOLED)
    known = json.loads((folder / "config.json").read_text())
    if file == "config.json" and content.startswith("{"):
        content = json.dumps(known)[:-1] + ", " + content[1:]
    (folder / file).write_text(content)
    assert reason in refused(models, capsys, folder)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"0": 1, "1": 2, "2": 3}, "config.json: id2label: 0 is 1. It must be a string."),
        ({"0": {}, "1": {}, "2": {}}, "config.json: id2label: 0 is {}. It must be a string."),
        ({"a": "x", "b": "y", "c": "z"}, "not the numbers from 0"),
        (["x", "y", "z"], 'id2label is ["x", "y", "z"]'),
        ({"0": "\ud800", "1": "y", "2": "z"}, "is not Unicode"),
    ],
)
def test_labels_that_are_none_are_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: object, reason: str
) -> None:
    config = encoders.CONFIG | {"id2label": labels}
    folder = encoders.write(tmp_path / "toy", SHORT, "logits", config=config)
    assert reason in refused(models, capsys, folder)


def test_a_card_in_another_encoding_is_read(models: Path, tmp_path: Path) -> None:
    folder = encoders.write(tmp_path / "toy", **POOLED)
    (folder / "README.md").write_bytes(b"---\nlicense: mit\n---\ncaf\xe9\n")
    assert added(models, folder).licence == "mit"


def test_a_pipe_is_not_waited_for(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = encoders.write(tmp_path / "toy", modules=None, **POOLED)
    os.mkfifo(folder / "other.json")
    os.mkfifo(folder / "modules.json")
    assert "modules.json cannot be read: it is no file" in refused(models, capsys, folder)
