import hashlib
from pathlib import Path

import pytest
from opened import catalogue

from shared.manifest import BadManifest, read

GOOD = """
id = "x"
tasks = ["text-embeddings"]
description = "d"
source = "s"
revision = "r"
licence = "MIT"
max_tokens = 8
pooling = ["mean", "cls"]
"""


def written(folder: Path, content: str) -> Path:
    (folder / "manifest.toml").write_text(content)
    return folder


def test_a_manifest_without_its_files_is_not_installed(tmp_path: Path) -> None:
    content = GOOD + '[sha256]\n"model.onnx" = "00"\n'
    assert not read(written(tmp_path, GOOD)).installed
    assert not read(written(tmp_path, content)).installed
    (tmp_path / "model.onnx").touch()
    assert read(tmp_path).installed


def test_each_pooling_has_a_graph_and_a_fingerprint(tmp_path: Path) -> None:
    manifest = read(written(tmp_path, GOOD))
    assert manifest.graph("mean").name == "model.onnx"
    assert manifest.graph("cls").name == "model-cls.onnx"
    assert manifest.fingerprint("mean") != manifest.fingerprint("cls")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id = ", "manifest.toml"),
        (GOOD.replace('id = "x"', ""), "id"),
        (GOOD + "colour = 1\n", "colour is not a field"),
        (GOOD.replace("8", '"eight"'), "max_tokens must be an integer"),
        (GOOD.replace('["mean", "cls"]', '"mean"'), "pooling must be an array"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_where_and_why(
    tmp_path: Path, content: str, message: str
) -> None:
    with pytest.raises(BadManifest, match=message) as raised:
        read(written(tmp_path, content))
    assert str(tmp_path) in str(raised.value)


def test_the_installed_files_are_those_of_the_manifest() -> None:
    for manifest in catalogue:
        if manifest.installed:
            for name, digest in manifest.sha256.items():
                content = (manifest.folder / name).read_bytes()
                assert hashlib.sha256(content).hexdigest() == digest, f"{manifest.id}: {name}"
