"""Graphs that read their padding, take one text at a time or have few positions."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import encoders
import numpy as np
import onnx
import onnxruntime
import pytest
from adding import added, models_in, refused
from encoders import BERT, HEAD, MEAN, SHORT, rows
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from shared.inference.model import Model

TEXTS = ["hello world", "A", "hello big world", "Today is a sunny day, longer than the others"]
LABELS = {"id2label": {"0": "sad", "1": "happy", "2": "angry"}}
POOLED = {"1_Pooling__config": MEAN}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with models_in(tmp_path / "models", monkeypatch) as folder:
        yield folder


def write_decoder(folder: Path, pad_in_graph: int, **config: object) -> Path:
    """A head on the last token that is not the padding's, as transformers' decoders have it."""
    folder = encoders.write(folder, SHORT, "logits", config=encoders.CONFIG | LABELS | config)
    model = onnx.load(folder / "model.onnx")
    kept = [node for node in model.graph.node if node.output[0] not in ("first", "logits")]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    constants = {"pad": np.array(pad_in_graph), "axis": np.array([1]), "minus": np.array(1)}
    for name, value in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    model.graph.node.extend(
        [
            helper.make_node("Equal", ["input_ids", "pad"], ["is_pad"]),
            helper.make_node("Not", ["is_pad"], ["is_text"]),
            helper.make_node("Cast", ["is_text"], ["counted"], to=TensorProto.INT64),
            helper.make_node("ReduceSum", ["counted", "axis"], ["length"], keepdims=1),
            helper.make_node("Sub", ["length", "minus"], ["last"]),
            helper.make_node("Shape", ["last_hidden_state"], ["shape"]),
            helper.make_node("Gather", ["shape", "two"], ["width"]),
            helper.make_node("Unsqueeze", ["last", "two"], ["column"]),
            helper.make_node("Concat", ["one", "one", "width"], ["wide"], axis=0),
            helper.make_node("Tile", ["column", "wide"], ["index"]),
            helper.make_node("GatherElements", ["last_hidden_state", "index"], ["row"], axis=1),
            helper.make_node("Squeeze", ["row", "axis"], ["last_row"]),
            helper.make_node("MatMul", ["last_row", "head"], ["logits"]),
        ]
    )
    onnx.save(model, folder / "model.onnx")
    return folder


def scores(text: str) -> NDArray[np.float32]:
    powers = np.exp(rows(text, SHORT)[-1] @ HEAD)
    found: NDArray[np.float32] = powers / powers.sum()
    return found


@pytest.mark.parametrize(
    ("config", "tokenizer"),
    [
        ({"pad_token_id": 0}, {}),
        ({"pad_token_id": 7}, {}),
        ({"pad_token_id": 7}, {"pad_token": "[CLS]"}),
        ({}, {"pad_token": "hello"}),
        ({"pad_token_id": None}, {"pad_token": {"content": "hello"}}),
    ],
)
def test_texts_are_padded_with_the_model_s_own_token(
    models: Path, tmp_path: Path, config: dict[str, object], tokenizer: dict[str, object]
) -> None:
    pad = config.get("pad_token_id")
    if pad is None:
        vocabulary = json.loads(encoders.TOKENIZER.read_text("utf-8"))["model"]["vocab"]
        pad = vocabulary["hello"]
    assert isinstance(pad, int)
    folder = write_decoder(tmp_path / "toy", pad, **config)
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    manifest = added(models, folder)
    assert manifest.pad_token_id == pad
    texts = [text for text in TEXTS if "hello" not in text]  # which may be the padding
    expected = np.array([scores(text) for text in texts])
    assert Model(manifest).classify(texts).values == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("config", [{}, {"pad_token_id": 9}])
def test_a_graph_that_needs_another_padding_is_refused(
    models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    config: dict[str, object],
) -> None:
    folder = write_decoder(tmp_path / "toy", 7, **config)
    error = refused(models, capsys, folder)
    assert "its numbers change with the padding" in error and "pad_token_id" in error


@pytest.mark.parametrize("pad", [-2, 2**31, 1.5])
def test_a_padding_that_is_no_token_is_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], pad: float
) -> None:
    folder = encoders.write(
        tmp_path / "toy", config=encoders.CONFIG | {"pad_token_id": pad}, **POOLED
    )
    error = refused(models, capsys, folder)
    assert f"config.json: pad_token_id is {float(pad)}"[:30] in error


def alone(folder: Path, text: str, inputs: Sequence[str]) -> NDArray[np.float32]:
    """onnxruntime's rows of one text without padding."""
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    ids = encoders.Tokenizer.from_file(str(encoders.TOKENIZER)).encode(text).ids
    feeds = {"input_ids": ids, "attention_mask": [1] * len(ids), "token_type_ids": [0] * len(ids)}
    given = {name: np.array([feeds[name]], np.int64) for name in inputs}
    found: NDArray[np.float32] = session.run(None, given)[0][0]
    return found


def test_a_graph_without_a_mask_gets_each_text_alone(models: Path, tmp_path: Path) -> None:
    """Its mean is over all tokens that it is given."""
    inputs = ("input_ids",)
    folder = encoders.write(tmp_path / "toy", inputs, **POOLED)
    model = onnx.load(folder / "model.onnx")
    model.graph.node.append(
        helper.make_node("ReduceMean", ["last_hidden_state", "one"], ["mean"], keepdims=0)
    )
    del model.graph.output[:]
    axes = ["batch", encoders.WIDTH]
    model.graph.output.append(helper.make_tensor_value_info("mean", TensorProto.FLOAT, axes))
    onnx.save(model, folder / "model.onnx")
    found = Model(added(models, folder)).embed(TEXTS).values
    expected = np.array([alone(folder, text, inputs) for text in TEXTS])
    assert found == pytest.approx(expected, abs=1e-6)
    assert expected == pytest.approx(
        np.array([rows(t, inputs).mean(axis=0) for t in TEXTS]), abs=1e-6
    )


def test_a_graph_of_one_text_gets_one_text(models: Path, tmp_path: Path) -> None:
    folder = encoders.write(tmp_path / "toy", **POOLED)
    model = onnx.load(folder / "model.onnx")
    for value in model.graph.input:
        value.type.tensor_type.shape.dim[0].Clear()
        value.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, folder / "model.onnx")
    found = Model(added(models, folder)).embed(TEXTS).values
    expected = np.array([alone(folder, text, BERT).mean(axis=0) for text in TEXTS])
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("axis", [0, 1])
def test_other_fixed_axes_are_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], axis: int
) -> None:
    folder = encoders.write(tmp_path / "toy", **POOLED)
    model = onnx.load(folder / "model.onnx")
    model.graph.input[1].type.tensor_type.shape.dim[axis].Clear()
    model.graph.input[1].type.tensor_type.shape.dim[axis].dim_value = 8
    onnx.save(model, folder / "model.onnx")
    error = refused(models, capsys, folder)
    assert "its input attention_mask has a fixed axis of 8: only a batch axis may be" in error


POSITIONS = (*SHORT, "position_ids")


@pytest.mark.parametrize(
    ("positions", "limits", "expected"),
    [
        (31, {}, 28),
        (31, {"tokenizer_config": {"model_max_length": 31}}, 28),
        (31, {"tokenizer_config": {"model_max_length": 30}}, 28),
        (31, {"sentence_roberta_config": {"max_seq_length": 31}}, 28),
        (31, {"tokenizer_config": {"model_max_length": 27}}, 27),
        (32, {"tokenizer_config": {"model_max_length": 31}}, 31),
        (32, {"tokenizer_config": {"model_max_length": 1e30}}, 32),
    ],
)
def test_a_padded_run_has_no_more_tokens_than_positions(
    models: Path,
    tmp_path: Path,
    positions: int,
    limits: dict[str, object],
    expected: int,
) -> None:
    """CLIP has 77 of them, and says so twice."""
    config = encoders.CONFIG | {"max_position_embeddings": positions}
    folder = encoders.write(tmp_path / "toy", POSITIONS, config=config, **POOLED, **limits)
    model = onnx.load(folder / "model.onnx")
    for tensor in model.graph.initializer:
        if tensor.name == "table.position_ids":
            table = numpy_helper.to_array(tensor)[:positions]
            tensor.CopyFrom(numpy_helper.from_array(table, tensor.name))
    onnx.save(model, folder / "model.onnx")
    manifest = added(models, folder)
    assert manifest.max_tokens == expected
    assert Model(manifest).embed(["hello " * 100]).tokens == expected


@pytest.mark.parametrize(
    "name", ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"]
)
def test_sentence_transformers_own_limit_counts_more_than_the_tokenizer_s(
    models: Path, tmp_path: Path, name: str
) -> None:
    files = {f"sentence_{name}_config": {"max_seq_length": 12}}
    files |= {"tokenizer_config": {"model_max_length": 8}, "1_Pooling__config": MEAN}
    manifest = added(models, encoders.write(tmp_path / "toy", **files))
    assert manifest.max_tokens == 12
    expected = rows("hello " * 10, BERT).mean(axis=0)  # with [CLS] and [SEP], 12 tokens
    found = Model(manifest).embed(["hello " * 20]).values[0]
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("kind", "expected"), [("gpt2", 24), ("roberta", 20), ("xlnet", 28)])
def test_positions_are_counted_as_the_architecture_does(
    models: Path, tmp_path: Path, kind: str, expected: int
) -> None:
    config = {
        "gpt2": {"model_type": "gpt2", "n_positions": 24},
        "roberta": {"model_type": "roberta", "max_position_embeddings": 22},
        "xlnet": {"model_type": "xlnet", "max_position_embeddings": -1},
    }[kind]
    files = {"tokenizer_config": {"model_max_length": 28}, "1_Pooling__config": MEAN}
    folder = encoders.write(tmp_path / "toy", SHORT, config=config, **files)
    assert added(models, folder).max_tokens == expected


@pytest.mark.parametrize("output", ["last_hidden_state", "sentence_embedding"])
@pytest.mark.parametrize("dtype", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_numbers_of_another_precision_are_served(
    models: Path, tmp_path: Path, output: str, dtype: int
) -> None:
    folder = encoders.write(tmp_path / "toy", output=output, **POOLED)
    model = onnx.load(folder / "model.onnx")
    model.graph.node.append(helper.make_node("Cast", [output], ["other"], to=dtype))
    model.graph.output[0].name = "other"
    model.graph.output[0].type.tensor_type.elem_type = dtype
    onnx.save(model, folder / "model.onnx")
    found = Model(added(models, folder)).embed(TEXTS).values
    expected = np.array([rows(text, BERT).mean(axis=0) for text in TEXTS])
    assert found == pytest.approx(expected, abs=1e-3)
