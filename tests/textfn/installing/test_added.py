"""Encoders as the Hub has them, served with the numbers of numpy and torch."""

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
from adding import added, models_in
from encoders import BERT, CLS, HEAD, MEAN, SHORT, WIDTH, rows
from graphs import CHECKPOINTS, TINY_MODELS
from onnx import TensorProto
from running import serving

from benchmarks.stock import stock_fp32
from shared.inference.model import Model
from shared.manifest import read
from textfn.__main__ import main

TEXTS = ["hello world", "A", "Today is a sunny day, and this text is longer than the others"]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with models_in(tmp_path / "models", monkeypatch) as folder:
        yield folder


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
    model = Model(
        added(models, tmp_path / "bert", "--pooling", "cls", "--no-normalize", "--name", "other")
    )
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
    assert manifest.pooling == ("cls", "mean")
    expected = rows("hello world", BERT)
    model = Model(manifest)
    for pooling, numbers in (("mean", expected.mean(axis=0)), ("cls", expected[0])):
        found = model.embed(["hello world"], pooling=pooling).values[0]
        assert found == pytest.approx(numbers, abs=1e-6)
    capsys.readouterr()
    shutil.rmtree(manifest.folder)
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
