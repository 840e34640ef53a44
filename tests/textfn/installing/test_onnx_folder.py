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
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "pixels": ({"inputs": (*BERT, "pixel_values")}, "input pixel_values cannot be fed"),
    "no mask": ({"inputs": ("input_ids",)}, "has no input attention_mask"),
    "floats": ({"dtype": TensorProto.FLOAT}, "tensor(float)"),
    "few words": ({"words": 40}, "has no row for token"),
    "no pooling": ({"1_Pooling__config": {}}, "say --pooling mean or cls"),
    "max pooling": (
        {"1_Pooling__config": {"pooling_mode_max_tokens": True}},
        "pooling by max is not served",
    ),
    "two poolings": (
        {"1_Pooling__config": MEAN | {"pooling_mode_cls_token": True}},
        "pooling by cls and mean is not served",
    ),
    "last token": ({"1_Pooling__config": {"pooling_mode": "lasttoken"}}, "pooling by lasttoken"),
    "a dense module": (
        {"modules": [{"type": "sentence_transformers.models.Dense"}]},
        "its module Dense is not served",
    ),
    "a prompt": (
        {"config_sentence_transformers": {"default_prompt_name": "query"}},
        "its default prompt query is not put before texts",
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
    "no names of labels": (LOGITS, "config.json has no id2label"),
    "one label": (
        LOGITS | {"config": encoders.CONFIG | {"id2label": {"0": "LABEL_0"}}},
        "do not exclude each other",
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
    assert "none of its outputs is known: x0, x1" in refused(models, capsys, folder)


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
    "a list": ("config.json", "[]", "holds no object"),
    "a type that is no string": ("config.json", '{"model_type": {}}', "model_type is {}"),
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
    "modules that are numbers": ("modules.json", "[1]", "modules.json: 1 has no type"),
    "modules without a type": ("modules.json", "[{}]", "modules.json: {} has no type"),
    "modules that are a word": ("modules.json", '"x"', "holds no array"),
    "a prompt in a list": ("config_sentence_transformers.json", "[1]", "holds no object"),
    "two poolings, as version 6 writes": (
        "1_Pooling/config.json",
        '{"pooling_mode": ["cls", "mean"]}',
        "pooling by cls and mean is not served",
    ),
    "a name that is no Unicode": ("config.json", '{"model_type": "\\ud800"}', "is not Unicode"),
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
        ({"0": 1, "1": 2, "2": 3}, "labels that are no strings"),
        ({"0": {}, "1": {}, "2": {}}, "labels that are no strings"),
        ({"a": "x", "b": "y", "c": "z"}, "names that are no numbers"),
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
    folder = encoders.write(tmp_path / "toy", **POOLED)
    os.mkfifo(folder / "other.json")
    os.mkfifo(folder / "modules.json")
    assert "modules.json cannot be read: it is no file" in refused(models, capsys, folder)
