"""Model files that are broken, swapped or made to harm: refused at the start, with their name."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import Server
from graphs import CHECKPOINTS, TINY_MODELS
from hostile import assert_served
from onnx import TensorProto, helper, numpy_helper

from shared.inference.model import BadModel, Model
from shared.manifest import read
from textfn.checking.model import problems

POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(TINY_MODELS / "tiny-embedder", tmp_path / "strange")


@pytest.fixture
def standard(folder: Path) -> None:
    """The folder has no graph for our own kernels: a test writes another model.onnx."""
    manifest = (folder / "manifest.toml").read_text("utf-8")
    lines = [line for line in manifest.splitlines() if ".kernels.onnx" not in line]
    (folder / "manifest.toml").write_text("\n".join(lines), "utf-8")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def pointed(path: Path) -> None:
    path.write_text(POINTER)


def garbled(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 50)


def another_s(path: Path) -> None:
    """Of a model with another width, or another model's words."""
    other = "tiny-sentiment" if path.suffix == ".onnx" else "tiny-xlm-roberta"
    source = TINY_MODELS / other if path.suffix == ".onnx" else CHECKPOINTS / other
    shutil.copy(source / path.name, path)


SPOILED = [truncated, emptied, pointed, garbled]


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_a_spoiled_file_is_refused_at_the_start_by_name(
    folder: Path, name: str, spoil: Callable[[Path], None]
) -> None:
    spoil(folder / name)
    with pytest.raises(BadModel) as raised:
        Model(read(folder))
    assert str(raised.value).startswith(f"{folder / name}: ")
    assert "\n" not in str(raised.value)
    assert any(name in problem for problem in problems(read(folder)))


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
@pytest.mark.usefixtures("standard")
def test_another_model_s_file_is_refused_by_name(folder: Path, name: str) -> None:
    another_s(folder / name)
    assert any(name in problem for problem in problems(read(folder)))
    if name == "model.onnx":
        with pytest.raises(BadModel, match="shape"):
            Model(read(folder))


def test_a_server_whose_model_is_spoiled_does_not_start_and_says_why_in_a_line(
    folder: Path,
) -> None:
    truncated(folder / "model.onnx")
    done = subprocess.run(
        [sys.executable, "-m", "textfn", "serve", "--port", "0"],
        env=os.environ | {"TEXTFN_MODELS_DIR": str(folder.parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"textfn serve: {folder / 'model.onnx'}: ")


# 23: external data. onnxruntime refuses what lies outside of the graph's own folder.


def graph(
    path: Path,
    nodes: list[onnx.NodeProto],
    *,
    weights: dict[str, np.ndarray] | None = None,
    external: str | None = None,
    shape: tuple[object, ...] = ("texts", 16),
) -> None:
    """A graph of token ids and a mask to `vectors`, whose first weight may be in another file."""
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT32, ["texts", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, shape)
    tensors = [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()]
    if external:
        tensors[0].ClearField("raw_data")
        tensors[0].data_location = TensorProto.EXTERNAL
        tensors[0].external_data.add(key="location", value=external)
    made = helper.make_graph(nodes, "strange", inputs, [output], tensors)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())


def looked_up(path: Path, external: str | None = None, rows: int = 1_000) -> None:
    """A word table of some rows, summed over the tokens."""
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("ReduceSum", ["words", "axis"], ["vectors"], keepdims=0),
    ]
    table = np.ones((rows, 16), np.float32)
    graph(path, nodes, weights={"table": table, "axis": np.array([1])}, external=external)


@pytest.mark.parametrize(
    "place", ["../secret.bin", "{outside}", "link.bin", "a/../../secret.bin", "folder/secret.bin"]
)
@pytest.mark.usefixtures("standard")
def test_external_data_outside_of_the_model_s_folder_is_refused(folder: Path, place: str) -> None:
    secret = folder.parent / "secret.bin"
    secret.write_bytes(np.ones((1_000, 16), np.float32).tobytes())
    (folder / "link.bin").symlink_to(secret)
    (folder / "folder").symlink_to(folder.parent)
    (folder / "a").mkdir()
    looked_up(folder / "model.onnx", place.format(outside=secret))
    with pytest.raises(BadModel) as raised:
        Model(read(folder))
    assert str(folder / "model.onnx") in str(raised.value)


@pytest.mark.usefixtures("standard")
def test_external_data_inside_of_it_is_read(folder: Path) -> None:
    (folder / "model.onnx.data").write_bytes(np.ones((1_000, 16), np.float32).tobytes())
    looked_up(folder / "model.onnx", "model.onnx.data")
    assert Model(read(folder)).embed(["hello"]).values.shape == (1, 16)
    (folder / "model.onnx.data").unlink()
    with pytest.raises(BadModel, match=re.escape(str(folder / "model.onnx"))):
        Model(read(folder))


# 25, 26: what a graph can do wrong with some texts only


def last_word(folder: Path) -> tuple[str, int]:
    """The word with the largest id of a tokenizer, and its id."""
    vocabulary = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    words = [word for word in vocabulary if word.isalpha()]
    return max(((word, vocabulary[word]) for word in words), key=lambda each: int(each[1]))


def not_a_number(path: Path) -> None:
    """0 / 0 where a text has more than eight tokens."""
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["mask", "axis"], ["count"], keepdims=1),
        helper.make_node("Less", ["count", "eight"], ["short"]),
        helper.make_node("Cast", ["short"], ["one"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["one", "one"], ["one_or_nan"]),
        helper.make_node("Expand", ["one_or_nan", "shape"], ["vectors"]),
    ]
    weights = {
        "axis": np.array([1]),
        "eight": np.array([[9]], np.float32),
        "shape": np.array([1, 16]),
    }
    graph(path, nodes, weights=weights)


def zero(path: Path) -> None:
    """Zeros where a text has more than eight tokens."""
    not_a_number(path)
    model = onnx.load(path)
    model.graph.node[4].op_type = "Mul"
    path.write_bytes(model.SerializeToString())


def one_row(path: Path) -> None:
    """One vector, however many texts there are."""
    nodes = [helper.make_node("Identity", ["vector"], ["vectors"])]
    graph(path, nodes, weights={"vector": np.ones((1, 16), np.float32)}, shape=(1, 16))


def small_table(path: Path) -> None:
    """Fewer rows than the tokenizer has words."""
    looked_up(path, rows=last_word(path.parent)[1])


LONG = "a long text of more than eight tokens for the graph to fail at"
FAULTS: dict[Callable[[Path], None], tuple[list[str], str]] = {
    not_a_number: ([LONG], "not finite"),
    zero: ([LONG], "length zero"),
    one_row: (["hello", "world"], "shape"),
    small_table: (["{last}"], "out of"),
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.usefixtures("standard")
def test_a_fault_of_a_model_is_a_500_and_never_a_null_or_a_vector_too_few(
    folder: Path,
    fault: Callable[[Path], None],
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault(folder / "model.onnx")
    manifest = read(folder)
    strange = Model(manifest)
    texts = [text.format(last=last_word(folder)[0]) for text in FAULTS[fault][0]]
    models = server.service.library.of("text-embeddings")
    monkeypatch.setitem(models._names._known, "strange", strange.manifest)
    monkeypatch.setitem(models._opened, strange.manifest.id, strange)
    for path, body in (
        ("/client/v4/accounts/me/ai/run/strange", {"text": texts}),
        ("/pipeline/feature-extraction/strange", {"inputs": texts}),
        ("/v1/embeddings", {"model": "strange", "input": texts}),
        ("/embed?model=strange", {"inputs": texts}),
    ):
        caplog.clear()
        answer = server.post(path, body, x_use_cache="false")
        assert answer.status == (424 if "/embed?" in path else 500)
        assert b"nternal server error" in answer.body
        assert b"null,null" not in answer.body
        assert "unknown error in request" in caplog.text
        assert FAULTS[fault][1] not in answer.body.decode()
    one = server.post(
        "/client/v4/accounts/me/ai/run/strange", {"text": ["hello"]}, x_use_cache="false"
    )
    assert one.status == 200
    assert len(one.json["result"]["data"]) == 1
    assert_served(server)


@pytest.mark.usefixtures("standard")
def test_a_model_that_fails_at_its_first_text_never_starts(folder: Path) -> None:
    nodes = [helper.make_node("Div", ["zeros", "zeros"], ["vectors"])]
    graph(
        folder / "model.onnx",
        nodes,
        weights={"zeros": np.zeros((1, 16), np.float32)},
        shape=(1, 16),
    )
    with pytest.raises(BadModel, match="not finite"):
        Model(read(folder))


@pytest.mark.usefixtures("standard")
def test_a_table_too_small_for_the_tokenizer_is_found_by_verify(folder: Path) -> None:
    small_table(folder / "model.onnx")
    shutil.copy(folder / "model.onnx", folder / "model-cls.onnx")
    import hashlib

    text = (folder / "manifest.toml").read_text("utf-8")
    for name in ("model.onnx", "model-cls.onnx"):
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        text = re.sub(f'^"{re.escape(name)}" = .*$', f'"{name}" = "{digest}"', text, flags=re.M)
    (folder / "manifest.toml").write_text(text, "utf-8")
    assert any("has no row for token" in problem for problem in problems(read(folder)))
