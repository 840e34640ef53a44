"""`textfn models add`: encoders as the Hub has them, served with the numbers of numpy and torch."""

import dataclasses
import json
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import encoders
import numpy as np
import onnx
import pytest
from encoders import BERT, CLS, HEAD, MEAN, SHORT, WIDTH, rows
from graphs import CHECKPOINTS, TINY_MODELS
from onnx import TensorProto, helper
from running import serving

from benchmarks.stock import stock_fp32
from shared.inference.model import Model
from shared.manifest import Manifest, catalogue, read
from textfn.__main__ import main

TEXTS = ["hello world", "A", "Today is a sunny day, and this text is longer than the others"]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of models beside the bundled ones."""
    from shared import manifest
    from textfn.commands import add

    folder = tmp_path / "models"
    folder.mkdir()
    for module in (add, manifest):
        here = dataclasses.replace(module.settings, models_dir=folder)
        monkeypatch.setattr(module, "settings", here)
    catalogue.cache_clear()
    yield folder
    catalogue.cache_clear()


def added(models: Path, folder: Path, *options: str) -> Manifest:
    assert main(["models", "add", str(folder), *options]) == 0
    (found,) = models.glob("*/manifest.toml")
    assert not list(models.glob(".pull/*"))
    catalogue.cache_clear()
    return read(found.parent)


def refused(
    models: Path, capsys: pytest.CaptureFixture[str], folder: Path, *options: str, code: int = 1
) -> str:
    """The one line of an `add` that installs nothing."""
    assert main(["models", "add", str(folder), *options]) == code
    error = capsys.readouterr().err
    assert error.startswith("textfn models add: ") and len(error.splitlines()) == 1
    assert not [path for path in models.rglob("*") if path.name != ".pull"]
    return error


@pytest.mark.parametrize("dtype", [TensorProto.INT64, TensorProto.INT32])
@pytest.mark.parametrize("inputs", [BERT, SHORT, (*BERT, "position_ids")], ids=len)
def test_a_row_a_token_is_pooled_to_its_mean(
    models: Path, tmp_path: Path, inputs: tuple[str, ...], dtype: int
) -> None:
    folder = encoders.write(tmp_path / "toy", inputs, dtype=dtype, **{"1_Pooling__config": MEAN})
    manifest = added(models, folder)
    assert (manifest.id, manifest.dimensions, manifest.max_tokens) == ("toy", WIDTH, 32)
    assert (manifest.pooling, manifest.normalize, manifest.optimize) == (("mean",), False, True)
    expected = np.array([rows(text, inputs).mean(axis=0) for text in TEXTS])
    assert Model(manifest).embed(TEXTS).values == pytest.approx(expected, abs=1e-6)


def test_a_row_a_token_is_pooled_to_its_first(models: Path, tmp_path: Path) -> None:
    manifest = added(models, encoders.write(tmp_path / "toy", **{"1_Pooling__config": CLS}))
    expected = np.array([rows(text, BERT)[0] for text in TEXTS])
    assert Model(manifest).embed(TEXTS).values == pytest.approx(expected, abs=1e-6)


def test_a_pooled_output_is_taken_as_it_is(models: Path, tmp_path: Path) -> None:
    folder = encoders.write(
        tmp_path / "toy", output="sentence_embedding", **{"1_Pooling__config": MEAN}
    )
    expected = np.array([rows(text, BERT).mean(axis=0) for text in TEXTS])
    found = Model(added(models, folder)).embed(TEXTS).values
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_pooler_s_output_is_taken_as_it_is(models: Path, tmp_path: Path) -> None:
    manifest = added(models, encoders.write(tmp_path / "toy", output="pooler_output"))
    assert manifest.pooling == ("cls",)
    expected = np.array([np.tanh(rows(text, BERT)[0]) for text in TEXTS])
    assert Model(manifest).embed(TEXTS).values == pytest.approx(expected, abs=1e-6)


def test_logits_with_names_make_a_classifier(models: Path, tmp_path: Path) -> None:
    config = encoders.CONFIG | {"id2label": {"0": "SAD", "2": "ANGRY", "1": "HAPPY \U0001f600"}}
    manifest = added(models, encoders.write(tmp_path / "toy", SHORT, "logits", config=config))
    assert manifest.tasks == ("text-classification",)
    assert manifest.labels == ("SAD", "HAPPY \U0001f600", "ANGRY")
    powers = np.exp([rows(text, SHORT)[0] @ HEAD for text in TEXTS])
    expected = powers / powers.sum(axis=1, keepdims=True)
    assert Model(manifest).classify(TEXTS).values == pytest.approx(expected, abs=1e-6)


def test_an_exported_bert_gives_torch_s_numbers(models: Path, tmp_path: Path) -> None:
    checkpoint = CHECKPOINTS / "tiny-embedder"
    (tmp_path / "bert" / "onnx").mkdir(parents=True)
    onnx.save(stock_fp32(checkpoint), tmp_path / "bert" / "onnx" / "model.onnx")
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(checkpoint / name, tmp_path / "bert")
    model = Model(added(models, tmp_path / "bert", "--pooling", "cls", "--name", "other"))
    assert model.manifest.id == "other"
    cases = json.loads((checkpoint / "golden.json").read_text("utf-8"))
    cases = [case for case in cases if "text" in case]
    found = model.embed([case["text"] for case in cases]).values
    assert found == pytest.approx(np.array([case["cls"] for case in cases]), abs=1e-5)


def test_weights_beside_the_graph_come_along(models: Path, tmp_path: Path) -> None:
    files = {"1_Pooling__config": MEAN}
    folder = encoders.write(tmp_path / "toy", path="onnx/model.onnx", data=True, **files)
    manifest = added(models, folder)
    assert set(manifest.sha256) == {"model.onnx", "tokenizer.json", "weights.bin"}
    assert (folder / "onnx" / "weights.bin").exists()
    shutil.rmtree(folder)
    expected = rows("hello world", BERT).mean(axis=0)
    assert Model(manifest).embed(["hello world"]).values[0] == pytest.approx(expected, abs=1e-6)


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


def test_an_added_model_is_listed_verified_and_removed(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = added(models, encoders.write(tmp_path / "toy", **{"1_Pooling__config": MEAN}))
    assert capsys.readouterr().out == (
        f"toy is installed: {manifest.folder}\n"
        "8 dimensions, 32 tokens, mean pooling, not normalized\n"
    )
    assert main(["models", "verify", "toy"]) == 0
    assert main(["models", "list"]) == 0
    assert "toy " in capsys.readouterr().out
    assert main(["models", "add", str(tmp_path / "toy")]) == 1
    assert f"toy is installed: {manifest.folder}" in capsys.readouterr().err
    assert main(["models", "remove", "toy"]) == 0
    assert not manifest.folder.exists()


def test_a_catalogued_model_is_added_under_all_its_names(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(TINY_MODELS / "tiny-embedder", models / "catalogued")
    text = (models / "catalogued" / "manifest.toml").read_text("utf-8")
    text = text.replace("dimensions = 16", f"dimensions = {WIDTH}")
    numbers = [float(number) for number in rows("hello world", BERT)[0][:4]]
    text = text.partition("[sha256]")[0] + (
        f'[[references]]\norigin = "numpy"\ntext = "hello world"\npooling = "cls"\n'
        f"first_numbers = {numbers}\ntolerance = 0.001\n"
    )
    (models / "catalogued" / "manifest.toml").write_text(
        text.replace("normalize = true", "normalize = false"), "utf-8"
    )
    folder = encoders.write(tmp_path / "toy", **{"1_Pooling__config": CLS})
    assert main(["models", "add", str(folder), "--name", "@test/tiny-embedder"]) == 0
    manifest = read(next(models.glob("tiny-embedder@*")))
    assert manifest.names == ("tiny-embedder", "@test/tiny-embedder")
    assert manifest.pooling == ("mean", "cls")
    expected = rows("hello world", BERT)
    model = Model(manifest)
    for pooling, numbers in (("mean", expected.mean(axis=0)), ("cls", expected[0])):
        found = model.embed(["hello world"], pooling=pooling).values[0]
        assert found == pytest.approx(numbers, abs=1e-6)
    capsys.readouterr()
    shutil.rmtree(manifest.folder)
    catalogue.cache_clear()
    (models / "catalogued" / "manifest.toml").write_text(text.replace("= 8", "= 16"), "utf-8")
    assert main(["models", "add", str(folder), "--name", "tiny-embedder"]) == 1
    assert "has dimensions 16 in the catalogue, this model 8" in capsys.readouterr().err


def test_an_added_model_answers_in_all_dialects(models: Path, tmp_path: Path) -> None:
    added(models, encoders.write(tmp_path / "toy", **{"1_Pooling__config": MEAN}))
    vectors = np.array([rows(text, BERT).mean(axis=0) for text in TEXTS])
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    with serving(TEXTFN_MODELS_DIR=str(models)) as (base, _):

        def post(path: str, body: object) -> Any:
            request = urllib.request.Request(base + path, json.dumps(body).encode())
            with urllib.request.urlopen(request) as answer:
                assert answer.headers["textfn-model"].startswith("toy@")
                return json.load(answer)

        close = {"abs": 1e-6}
        found = post("/client/v4/accounts/me/ai/run/toy", {"text": TEXTS})["result"]
        assert found["shape"] == [3, WIDTH]
        assert np.array(found["data"]) == pytest.approx(vectors, **close)
        found = post("/models/toy", {"inputs": {"source_sentence": TEXTS[0], "sentences": TEXTS}})
        assert found == pytest.approx(units @ units[0], **close)
        found = post("/models/toy/pipeline/feature-extraction", {"inputs": TEXTS})
        assert np.array(found) == pytest.approx(vectors, **close)
        found = post("/v1/embeddings", {"model": "toy", "input": TEXTS})["data"]
        assert np.array([each["embedding"] for each in found]) == pytest.approx(vectors, **close)
        found = post("/embed?model=toy", {"inputs": TEXTS})
        assert np.array(found) == pytest.approx(units, **close)
        with urllib.request.urlopen(f"{base}/info?model=toy") as answer:
            info = json.load(answer)
        assert (info["model_dtype"], info["max_input_length"]) == ("float32", 32)


POOLED = {"1_Pooling__config": MEAN}
LOGITS = {"inputs": SHORT, "output": "logits"}
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "pixels": ({"inputs": (*BERT, "pixel_values")}, "input pixel_values cannot be fed"),
    "no mask": ({"inputs": ("input_ids",)}, "has no input attention_mask"),
    "floats": ({"dtype": TensorProto.FLOAT}, "tensor(float)"),
    "few words": ({"words": 40}, "has no word"),
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
        "gives 3 numbers a text, the manifest says 4",
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
