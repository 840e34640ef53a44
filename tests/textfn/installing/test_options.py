"""What a person says of a model beside its files: names, pooling, output and unit length."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import encoders
import numpy as np
import onnx
import pytest
from adding import added, models_in, refused
from encoders import BERT, CLS, MEAN, SHORT, rows
from onnx import TensorProto, helper

from shared.inference.model import Model
from shared.names import Catalogue
from shared.settings import Settings
from textfn.commands import add

TEXTS = ["hello world", "A", "Today is a sunny day, and this text is longer than the others"]
POOLED = {"1_Pooling__config": MEAN}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with models_in(tmp_path / "models", monkeypatch) as folder:
        yield folder


@pytest.mark.parametrize("name", ["BAAI/bge-m3", "@cf/baai/bge-m3", "@hf/thenlper/bge-m3"])
def test_a_name_of_the_hub_or_of_cloudflare_is_served(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = encoders.write(tmp_path / "toy", **POOLED)
    manifest = added(models, folder, "--name", name, "--alias", "m3", "--alias", "my/m3")
    assert (manifest.id, manifest.aliases) == ("bge-m3", (name, "m3", "my/m3"))
    assert f"other names: {name}, m3, my/m3" in capsys.readouterr().out
    catalogue = Catalogue.read(Settings.read())
    for each in ("bge-m3", name, name.upper(), "MY/m3"):
        assert catalogue.find(each).folder == manifest.folder


def test_a_folder_of_the_hub_s_cache_has_the_name_of_the_hub(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models--org--my--model" / "snapshots" / "0123abcd"
    manifest = added(models, encoders.write(folder, **POOLED))
    assert (manifest.id, manifest.aliases) == ("my--model", ("org/my--model",))
    assert manifest.source == "org/my--model"


def test_a_name_that_another_model_has_is_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = encoders.write(tmp_path / "toy", **POOLED)
    error = refused(models, capsys, folder, "--name", "me/bge-base-en-v1.5")
    assert "bge-base-en-v1.5 is a name of bge-base-en-v1.5: choose another with --name" in error
    error = refused(models, capsys, folder, "--alias", "@cf/baai/bge-base-en-v1.5")
    assert "@cf/baai/bge-base-en-v1.5 is a name of bge-base-en-v1.5: choose another" in error
    for name in ("../x", "a//b", "a/b/c/d", "@", "a b"):
        assert "is no name of letters" in refused(models, capsys, folder, "--alias", name)


def test_an_alias_of_the_catalogue_s_model_is_no_alias_twice(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = encoders.write(tmp_path / "toy", **POOLED)
    names = "--name", "BAAI/bge-base-en-v1.5", "--alias", "bge"
    error = refused(models, capsys, folder, *names)
    assert "bge-base-en-v1.5 has dimensions 768 in the catalogue, this model 8" in error


@pytest.mark.parametrize("normalize", [True, False])
def test_a_folder_without_modules_takes_the_option(
    models: Path, tmp_path: Path, normalize: bool
) -> None:
    folder = encoders.write(tmp_path / "toy", modules=None, **POOLED)
    manifest = added(models, folder, "--normalize" if normalize else "--no-normalize")
    assert manifest.normalize is normalize
    lengths = np.linalg.norm(Model(manifest).embed(TEXTS).values, axis=1)
    assert np.allclose(lengths, 1, atol=1e-6) is normalize


def test_rows_of_unit_length_need_no_option(models: Path, tmp_path: Path) -> None:
    folder = encoders.write(tmp_path / "toy", output="sentence_embedding", modules=None, **POOLED)
    model = onnx.load(folder / "model.onnx")
    model.graph.node.append(
        helper.make_node("LpNormalization", ["sentence_embedding"], ["unit"], axis=1, p=2)
    )
    model.graph.output[0].name = "unit"
    onnx.save(model, folder / "model.onnx")
    manifest = added(models, folder)
    assert (manifest.output, manifest.normalize) == ("unit", True)
    expected = np.array([rows(text, BERT).mean(axis=0) for text in TEXTS])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert Model(manifest).embed(TEXTS).values == pytest.approx(expected, abs=1e-6)


def test_an_option_that_the_files_contradict_is_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = encoders.write(tmp_path / "toy", **POOLED)
    error = refused(models, capsys, folder, "--pooling", "cls")
    assert "1_Pooling/config.json: pooling by mean, --pooling says cls: leave the option" in error
    assert "no module Normalize: leave --normalize out" in refused(
        models, capsys, folder, "--normalize"
    )
    modules = [*encoders.MODULES, {"type": "sentence_transformers.models.Normalize"}]
    folder = encoders.write(tmp_path / "toy", modules=modules, **POOLED)
    assert "a module Normalize: leave --no-normalize out" in refused(
        models, capsys, folder, "--no-normalize"
    )


def test_the_last_token_s_row_is_taken(models: Path, tmp_path: Path) -> None:
    folder = encoders.write(tmp_path / "toy", SHORT, **{"1_Pooling__config": None})
    manifest = added(models, folder, "--pooling", "last")
    assert manifest.pooling == ("last",)
    expected = np.array([rows(text, SHORT)[-1] for text in TEXTS])
    assert Model(manifest).embed(TEXTS).values == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("flags", [{}, {name: False for name in MEAN}])
def test_a_pooling_that_names_no_mode_is_the_mean(
    models: Path, tmp_path: Path, flags: dict[str, bool]
) -> None:
    """So sentence-transformers reads it."""
    config = flags | {"word_embedding_dimension": 8}
    manifest = added(models, encoders.write(tmp_path / "toy", **{"1_Pooling__config": config}))
    assert manifest.pooling == ("mean",)


def test_modules_are_read_where_modules_json_says(models: Path, tmp_path: Path) -> None:
    modules = [
        {"type": "sentence_transformers.models.Transformer", "path": "0_BERT"},
        {"type": "sentence_transformers.models.Pooling", "path": "how to/pool"},
    ]
    files = {"modules": modules, "1_Pooling__config": MEAN, "0_BERT__config": encoders.CONFIG}
    folder = encoders.write(tmp_path / "toy", config=None, path="0_BERT/model.onnx", **files)
    (folder / "how to" / "pool").mkdir(parents=True)
    (folder / "how to" / "pool" / "config.json").write_text('{"pooling_mode": ["cls"]}')
    (folder / "tokenizer.json").rename(folder / "0_BERT" / "tokenizer.json")
    manifest = added(models, folder)
    assert manifest.pooling == ("cls",)
    expected = np.array([rows(text, BERT)[0] for text in TEXTS])
    assert Model(manifest).embed(TEXTS).values == pytest.approx(expected, abs=1e-6)


def test_another_output_is_read(models: Path, tmp_path: Path) -> None:
    folder = encoders.write(tmp_path / "toy", output="pooler_output", **POOLED)
    model = onnx.load(folder / "model.onnx")
    row = helper.make_tensor_value_info("first", TensorProto.FLOAT, ["batch", encoders.WIDTH])
    model.graph.output.append(row)
    onnx.save(model, folder / "model.onnx")
    manifest = added(models, folder, "--output", "first")
    assert (manifest.output, manifest.pooling) == ("first", ("mean",))  # as its files name it
    expected = np.array([rows(text, BERT)[0] for text in TEXTS])
    assert Model(manifest).embed(TEXTS).values == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("pooling", [None, {"pooling_mode": "weightedmean"}])
def test_a_graph_that_pools_by_itself_needs_no_pooling(
    models: Path, tmp_path: Path, pooling: object
) -> None:
    folder = encoders.write(
        tmp_path / "toy", output="sentence_embedding", **{"1_Pooling__config": pooling}
    )
    manifest = added(models, folder)
    assert manifest.pooling == ("graph",)
    expected = np.array([rows(text, BERT).mean(axis=0) for text in TEXTS])
    assert Model(manifest).embed(TEXTS).values == pytest.approx(expected, abs=1e-6)


def test_a_head_with_another_output_is_a_classifier_if_it_is_named(
    models: Path, tmp_path: Path
) -> None:
    config = encoders.CONFIG | {
        "architectures": ["BertForSequenceClassification"],
        "id2label": {"0": "a", "1": "b", "2": "c"},
    }
    folder = encoders.write(tmp_path / "toy", SHORT, "scores", config=config)
    manifest = added(models, folder, "--output", "scores")
    assert (manifest.labels, manifest.function) == (("a", "b", "c"), "softmax")


def test_a_summary_that_fails_leaves_nothing_installed(
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = encoders.write(tmp_path / "toy", **{"1_Pooling__config": CLS})

    def fails(_: object) -> str:
        raise RuntimeError("no summary")

    monkeypatch.setattr(add, "_summary", fails)
    with pytest.raises(RuntimeError):
        added(models, folder)
    assert not [path for path in models.rglob("*") if path.name != ".pull"]


def test_a_label_that_the_terminal_cannot_show_is_printed_by_its_number(
    models: Path, tmp_path: Path
) -> None:
    config = encoders.CONFIG | {"id2label": {"0": "sad", "1": "\U0001f600", "2": "\x7f"}}
    folder = encoders.write(tmp_path / "toy", SHORT, "logits", config=config)
    command = [sys.executable, "-m", "textfn", "models", "add", str(folder)]
    environ = {**os.environ, "PYTHONIOENCODING": "ascii", "TEXTFN_MODELS_DIR": str(models)}
    done = subprocess.run(command, env=environ, capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "sad, \\U0001f600, \x7f" in io.BytesIO(done.stdout).read().decode("ascii")
