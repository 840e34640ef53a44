"""The build: same bytes every time, what the manifest says, and plain words when it cannot."""

import hashlib
import json
import shutil

import pytest
from graphs import CHECKPOINTS, ROOT, TINY_MODELS
from tokenizers import Tokenizer

from shared.manifest import read
from textfn.building import build as tool

MODELS = sorted(path.parent for path in ROOT.glob("models/*/model.onnx")) + sorted(
    path.parent for path in TINY_MODELS.glob("*/model.onnx")
)
EMBEDDER = CHECKPOINTS / "tiny-embedder"


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def model(tmp_path):
    """A folder with tiny-embedder's manifest and nothing else."""
    shutil.copy(TINY_MODELS / "tiny-embedder" / "manifest.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("folder", MODELS, ids=lambda folder: folder.name)
def test_the_manifest_s_hashes_are_the_files_hashes(folder):
    files = [path for path in folder.iterdir() if path.suffix in (".onnx", ".json")]
    assert read(folder).sha256 == {path.name: sha256(path.read_bytes()) for path in files}


@pytest.mark.parametrize("name", ["tiny-embedder", "tiny-sentiment"])
def test_a_build_gives_the_committed_bytes(name, tmp_path):
    shutil.copy(TINY_MODELS / name / "manifest.toml", tmp_path)
    tool.build(CHECKPOINTS / name, tmp_path)
    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert built == {path.name: path.read_bytes() for path in (TINY_MODELS / name).iterdir()}


def test_smoothing_factors_beside_the_manifest_are_used(model):
    tool.build(EMBEDDER, model)
    plain = (model / "model.onnx").read_bytes()
    tool.calibrate(EMBEDDER, model, ["hello world", "This pizza is great!"])
    factors = (model / tool.SMOOTHING).read_bytes()
    tool.build(EMBEDDER, model)
    smoothed = (model / "model.onnx").read_bytes()
    assert smoothed != plain
    tool.calibrate(EMBEDDER, model, ["hello world", "This pizza is great!"])
    tool.build(EMBEDDER, model)
    assert (model / tool.SMOOTHING).read_bytes() == factors
    assert (model / "model.onnx").read_bytes() == smoothed


def test_the_tokenizer_loses_padding_and_truncation_and_nothing_else(model):
    tool.build(EMBEDDER, model)
    tokenizer = Tokenizer.from_file(str(EMBEDDER / "tokenizer.json"))
    tokenizer.enable_padding(length=16)
    tokenizer.enable_truncation(8)
    tokenizer.save(str(model / "tokenizer.json"))
    built = json.loads(tool._plain_tokenizer(model))
    assert built == json.loads((EMBEDDER / "tokenizer.json").read_bytes())
    assert built["padding"] is None and built["truncation"] is None


def test_a_checkpoint_that_has_only_words_gets_the_same_tokenizer(tmp_path):
    expected = Tokenizer.from_file(str(EMBEDDER / "tokenizer.json"))
    words = sorted(expected.get_vocab(), key=expected.get_vocab().get)
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    found = Tokenizer.from_str(tool._plain_tokenizer(tmp_path).decode())
    for text in [
        "Hello world!",
        "caf\u00e9 \u6f22\u5b57 [SEP] unbelievably",
        "",
        "a\tb\u200dc [MASK]",
    ]:
        assert found.encode(text).ids == expected.encode(text).ids


def test_a_head_without_labels_is_refused(model):
    with pytest.raises(tool.BuildError, match="labels and a classification head go together"):
        tool.build(CHECKPOINTS / "tiny-sentiment", model)


CLASSIFIER = """id = "x"
tasks = ["text-classification"]
description = ""
source = ""
revision = ""
licence = ""
max_tokens = {max_tokens}
pooling = ["cls"]
labels = {labels}
"""


@pytest.mark.parametrize(
    ("labels", "max_tokens", "message"),
    [
        ('["POSITIVE", "NEGATIVE"]', 32, "the checkpoint's labels are NEGATIVE, POSITIVE"),
        ('["NEGATIVE", "POSITIVE"]', 33, "max_tokens is 33; .* above the 32 positions of"),
    ],
)
def test_a_manifest_that_contradicts_the_checkpoint_is_refused(
    tmp_path, labels, max_tokens, message
):
    manifest = CLASSIFIER.format(labels=labels, max_tokens=max_tokens)
    (tmp_path / "manifest.toml").write_text(manifest)
    with pytest.raises(tool.BuildError, match=message):
        tool.build(CHECKPOINTS / "tiny-distilbert", tmp_path)
