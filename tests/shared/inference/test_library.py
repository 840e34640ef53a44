import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from opened import catalogue, classification, embeddings, similarity

from shared import names
from shared.errors import ModelNotInstalled, UnknownModel
from shared.inference.library import Library
from shared.inference.model import BadModel
from shared.names import Catalogue, key
from shared.settings import Settings

ON_LAMBDA = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
SPELLINGS = [
    "@hf/sentence-transformers/all-minilm-l6-v2",
    "hf/sentence-transformers/all-minilm-l6-v2",
    "workers-ai/@hf/sentence-transformers/all-minilm-l6-v2",
    "@HF/Sentence-Transformers/All-MiniLM-L6-v2",
    "%40hf%2Fsentence-transformers%2Fall-minilm-l6-v2",
    "%2540hf%252Fsentence-transformers%252Fall-minilm-l6-v2",
    "sentence-transformers/all-MiniLM-L6-v2",
    "all-minilm-l6-v2",
    "all-minilm-l6-v2/",
]


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_model_answers_to_every_spelling_of_its_names(name: str) -> None:
    assert embeddings[name].manifest.id == "all-minilm-l6-v2"


def test_two_tasks_share_a_model() -> None:
    first, second = embeddings, similarity
    assert first["all-minilm-l6-v2"] is second["all-minilm-l6-v2"]


def test_a_score_may_come_from_a_stand_in_which_says_so() -> None:
    result = similarity["sentence-transformers/all-mpnet-base-v2"].similarity("a", ["b"])
    assert result.model.startswith("all-minilm-l6-v2@")
    assert result.stand_in_for == "sentence-transformers/all-mpnet-base-v2"


def test_a_vector_never_comes_from_a_stand_in() -> None:
    with pytest.raises(ModelNotInstalled, match="textfn models pull all-mpnet-base-v2"):
        embeddings["sentence-transformers/all-mpnet-base-v2"]


def test_stand_ins_can_be_turned_off() -> None:
    library = Library(Settings(stand_ins="off"))
    with pytest.raises(ModelNotInstalled):
        library.of("sentence-similarity")["sentence-transformers/all-mpnet-base-v2"]


def test_a_model_of_another_task_is_unknown() -> None:
    with pytest.raises(UnknownModel):
        classification["all-minilm-l6-v2"]
    assert "all-minilm-l6-v2" not in classification


def test_a_wrong_name_is_answered_with_the_right_one() -> None:
    with pytest.raises(UnknownModel) as raised:
        embeddings["@hf/sentence-transformer/all-minilm-l6"]
    assert "@hf/sentence-transformers/all-minilm-l6-v2" in raised.value.hint


def test_of_two_folders_with_one_id_the_installed_one_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = next(each for each in catalogue if each.id == "tiny-embedder")
    for name in ("a", "b", "c"):
        shutil.copytree(tiny.folder, tmp_path / name)
    (tmp_path / "a" / "model.onnx").unlink()
    monkeypatch.setattr(names, "BUNDLED", tmp_path)
    assert [each.folder.name for each in Catalogue.read(Settings())] == ["b"]
    (tmp_path / "b" / "model.onnx").unlink()
    (tmp_path / "c" / "model.onnx").unlink()
    assert [each.folder.name for each in Catalogue.read(Settings())] == ["a"]


def test_no_two_models_share_a_name() -> None:
    keys = [key(name) for manifest in catalogue for name in manifest.names]
    assert len(keys) == len(set(keys))


def test_a_path_is_no_name() -> None:
    for name in (
        "../all-minilm-l6-v2",
        "..%2Fmodels%2Fall-minilm-l6-v2",
        "/etc/passwd",
        "a\0b",
        "",
    ):
        with pytest.raises(UnknownModel):
            embeddings[name]


def test_a_broken_model_file_stops_the_start_with_its_name(tmp_path) -> None:  # type: ignore[no-untyped-def]
    manifest = next(each for each in catalogue if each.id == "tiny-embedder")
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in manifest.folder.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    (broken / "model.onnx").write_text("version https://git-lfs.github.com/spec/v1\n")
    done = subprocess.run(
        [sys.executable, "-c", "import functions.text_embeddings"],
        env={"TEXTFN_MODELS_DIR": str(tmp_path), "TEXTFN_AUTH": "none", **ON_LAMBDA},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert str(broken / "model.onnx") in done.stderr


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder of models that has none."""
    return tmp_path


@pytest.fixture
def library(mine: Path) -> Library:
    return Library(Settings(models_dir=mine))


def install(mine: Path, name: str = "tiny-embedder") -> Path:
    tiny = next(each for each in catalogue if each.id == name)
    return shutil.copytree(tiny.folder, mine / name)


def test_a_library_is_renewed_by_what_was_installed_and_opens_nothing_twice(
    library: Library, mine: Path
) -> None:
    assert library.renewed() is library
    install(mine)
    renewed = library.renewed()
    assert renewed.of("text-embeddings")["tiny-embedder"].embed(["a"]).values.shape == (1, 16)
    assert "tiny-embedder" in {each.id for each in renewed.catalogue.installed}
    assert set(library.opened) < set(renewed.opened)
    with pytest.raises(UnknownModel):
        library.of("text-embeddings")["tiny-embedder"]
    assert renewed.renewed() is renewed


def test_a_model_that_was_removed_is_no_longer_served(library: Library, mine: Path) -> None:
    install(mine)
    installed = library.renewed()
    shutil.rmtree(mine / "tiny-embedder")
    with pytest.raises(UnknownModel):
        installed.renewed().of("text-embeddings")["tiny-embedder"]


def test_a_model_that_changed_is_opened_again(library: Library, mine: Path) -> None:
    manifest = install(mine) / "manifest.toml"
    before = library.renewed()
    manifest.write_text(manifest.read_text("utf-8").replace("max_tokens = 32", "max_tokens = 16"))
    after = before.renewed()
    models = [each.of("text-embeddings")["tiny-embedder"] for each in (before, after)]
    assert [each.manifest.max_tokens for each in models] == [32, 16]


def test_a_model_that_cannot_be_opened_is_told_once_and_served_when_it_is_whole(
    library: Library, mine: Path
) -> None:
    graph = install(mine) / "model.onnx"
    whole = graph.read_bytes()
    graph.write_bytes(whole[:100])
    with pytest.raises(BadModel, match="model.onnx"):
        library.renewed()
    assert library.renewed() is library
    graph.write_bytes(whole)
    assert library.renewed().of("text-embeddings")["tiny-embedder"]
