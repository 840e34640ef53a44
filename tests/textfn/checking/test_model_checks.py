"""What `textfn models verify` finds wrong in a model."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from graphs import CHECKPOINTS, TINY_MODELS
from onnx import helper
from tokenizers import Tokenizer

from shared.manifest import read
from textfn.building.kernel_graph import write_kernel_graph
from textfn.checking.model import problems


def golden(name: str, text: str) -> dict[str, list[float]]:
    cases = json.loads((CHECKPOINTS / name / "golden.json").read_text("utf-8"))
    return next(case for case in cases if case.get("text") == text)


def probabilities(logits: list[float]) -> list[float]:
    powers = np.exp(logits)
    return [float(power) for power in powers / powers.sum()]


def change(folder: Path, old: str, new: str) -> None:
    manifest = folder / "manifest.toml"
    text = manifest.read_text("utf-8")
    assert old in text
    manifest.write_text(text.replace(old, new), "utf-8")


def sign(folder: Path) -> None:
    """Writes the hashes of the files as they are now."""
    text = (folder / "manifest.toml").read_text("utf-8")
    for name in read(folder).sha256:
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        text = re.sub(f'^"{re.escape(name)}" = .*$', f'"{name}" = "{digest}"', text, flags=re.M)
    (folder / "manifest.toml").write_text(text, "utf-8")


def refer(folder: Path, reference: str) -> None:
    with (folder / "manifest.toml").open("a", encoding="utf-8") as manifest:
        manifest.write(f'\n[[references]]\norigin = "torch"\n{reference}\n')


@pytest.fixture
def embedder(tmp_path: Path) -> Path:
    """tiny-embedder with torch's numbers of both poolings."""
    folder = shutil.copytree(TINY_MODELS / "tiny-embedder", tmp_path / "embedder")
    change(folder, "normalize = true", "normalize = false")
    for pooling in ("mean", "cls"):
        numbers = golden("tiny-embedder", "hello world")[pooling][:8]
        refer(
            folder,
            f'text = "hello world"\npooling = "{pooling}"\nfirst_numbers = {numbers}\n'
            "tolerance = 0.1",
        )
    return folder


@pytest.fixture
def sentiment(tmp_path: Path) -> Path:
    """tiny-sentiment with torch's probabilities of one text."""
    folder = shutil.copytree(TINY_MODELS / "tiny-sentiment", tmp_path / "sentiment")
    negative, positive = probabilities(golden("tiny-sentiment", "Great hamburger")["logits"])
    refer(
        folder,
        f'text = "Great hamburger"\ntolerance = 0.02\n'
        f"scores = {{ POSITIVE = {positive}, NEGATIVE = {negative} }}",
    )
    return folder


def test_models_that_meet_their_references_are_right(embedder: Path, sentiment: Path) -> None:
    assert problems(read(embedder)) == problems(read(sentiment)) == []


@pytest.mark.parametrize("name", ["model.onnx", "model-cls.onnx", "tokenizer.json"])
def test_a_wrong_byte_is_found_and_its_file_named(embedder: Path, name: str) -> None:
    content = bytearray((embedder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (embedder / name).write_bytes(content)
    (found,) = problems(read(embedder))
    assert found.startswith(f"{name} has sha256 {hashlib.sha256(content).hexdigest()}, ")


def test_a_file_that_is_gone_is_told(embedder: Path) -> None:
    (embedder / "tokenizer.json").unlink()
    assert "not installed here" in problems(read(embedder))[0]


def test_a_file_without_a_hash_is_told(embedder: Path) -> None:
    digest = read(embedder).sha256["model-cls.onnx"]
    change(embedder, f'"model-cls.onnx" = "{digest}"\n', "")
    assert problems(read(embedder)) == ["model-cls.onnx has no sha256"]


def test_swapped_labels_are_found(sentiment: Path) -> None:
    change(sentiment, '["NEGATIVE", "POSITIVE"]', '["POSITIVE", "NEGATIVE"]')
    (found,) = problems(read(sentiment))
    assert "right under other labels than POSITIVE, NEGATIVE: swapped" in found


def test_a_wrong_pooling_is_found(embedder: Path) -> None:
    (embedder / "model.onnx").rename(embedder / "other")
    (embedder / "model-cls.onnx").rename(embedder / "model.onnx")
    (embedder / "other").rename(embedder / "model-cls.onnx")
    write_kernel_graph(embedder / "model.onnx")
    write_kernel_graph(embedder / "model-cls.onnx")
    sign(embedder)
    mean, cls = problems(read(embedder))
    assert "cls pooling gives what mean should: a wrong pooling" in mean
    assert "mean pooling gives what cls should: a wrong pooling" in cls


def test_numbers_that_nothing_explains_are_found(embedder: Path) -> None:
    refer(
        embedder,
        'source = "hello"\nsentences = ["hello", "world"]\nsimilarities = [1.0, 5.0]\n'
        "tolerance = 0.02",
    )
    (found,) = problems(read(embedder))
    assert re.fullmatch(r"torch: off by \d\.\d{4}, at most 0\.02", found)


def test_another_output_width_is_found(embedder: Path) -> None:
    change(embedder, "dimensions = 16", "dimensions = 17")
    assert problems(read(embedder)) == [
        "model-cls.onnx gives 16 numbers per text, the manifest says 17",
        "model.onnx gives 16 numbers per text, the manifest says 17",
    ]


def test_other_inputs_are_found(sentiment: Path) -> None:
    model = onnx.load(sentiment / "model.onnx")
    extra = helper.make_tensor_value_info("token_type_ids", onnx.TensorProto.INT64, ["b", "t"])
    model.graph.input.append(extra)
    onnx.save(model, sentiment / "model.onnx")
    sign(sentiment)
    (found,) = problems(read(sentiment))
    assert found.startswith("model.onnx takes {") and "token_type_ids" in found


def test_a_tokenizer_with_more_words_than_the_table_is_found(embedder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(embedder / "tokenizer.json"))
    rows = tokenizer.get_vocab_size()
    tokenizer.add_tokens(["zebra"])
    tokenizer.save(str(embedder / "tokenizer.json"))
    sign(embedder)
    assert f"model.onnx has no row for token {rows} of the tokenizer" in problems(read(embedder))


def test_a_graph_that_cannot_be_opened_is_one_line(embedder: Path) -> None:
    (embedder / "model.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    sign(embedder)
    (found,) = problems(read(embedder))
    assert "model.onnx" in found and "\n" not in found
