"""The catalogue's names."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from graphs import TINY_MODELS

from shared.errors import UnknownModel
from shared.inference.model import Model
from shared.manifest import BUNDLED, BadManifest, Manifest, read
from shared.names import Catalogue, TaskNames
from shared.settings import BadSetting


def named(folder: Path, id: str, alias: str) -> Manifest:
    """tiny-embedder, under other names."""
    folder.mkdir()
    text = (TINY_MODELS / "tiny-embedder" / "manifest.toml").read_text("utf-8")
    text = re.sub("^id = .*$", f'id = "{id}"', text, flags=re.MULTILINE)
    text = re.sub("^aliases = .*$", f'aliases = ["{alias}"]', text, flags=re.MULTILINE)
    (folder / "manifest.toml").write_text(text, "utf-8")
    return read(folder)


def test_two_models_may_not_share_a_name(tmp_path: Path) -> None:
    """Whatever its spelling: clients reach both by the same name."""
    first = named(tmp_path / "first", "first", "@cf/x/Y")
    second = named(tmp_path / "second", "second", "cf/X/y")
    with pytest.raises(BadManifest) as raised:
        Catalogue([first, second])
    for words in ("second/manifest.toml: cf/X/y", "first/manifest.toml"):
        assert words in str(raised.value)


def test_an_alias_may_not_be_another_model_s_id(tmp_path: Path) -> None:
    minilm = read(BUNDLED / "all-minilm-l6-v2")
    taken = named(tmp_path / "x", "x", "All-MiniLM-L6-v2")
    with pytest.raises(BadManifest, match="two models, x and all-minilm-l6-v2"):
        Catalogue([minilm, taken])


def test_a_catalogued_model_and_its_pulled_files_are_one_model(tmp_path: Path) -> None:
    catalogued = named(tmp_path / "x", "x", "@cf/x/y")
    pulled = named(tmp_path / "x@0123456789ab", "x", "@cf/x/y")
    assert [each.id for each in Catalogue([catalogued, pulled])] == ["x"]


def test_the_catalogue_says_which_pooling_of_a_pulled_folder_is_the_model_s_own(
    tmp_path: Path,
) -> None:
    """Folders that 0.2 pulled have mean first."""
    catalogued = named(tmp_path / "x", "x", "@cf/x/y")
    pulled = tmp_path / "x@0123456789ab"
    shutil.copytree(TINY_MODELS / "tiny-embedder", pulled)
    text = (pulled / "manifest.toml").read_text("utf-8")
    text = text.replace('"tiny-embedder"', '"x"').replace('["cls", "mean"]', '["mean", "cls"]')
    (pulled / "manifest.toml").write_text(text, "utf-8")
    (served,) = Catalogue([catalogued, read(pulled)])
    assert (served.folder, served.pooling) == (pulled, ("cls", "mean"))
    assert Catalogue([read(pulled)]).find("x").pooling == ("mean", "cls")
    found = Model(served).embed(["hello world"]).values
    tiny = Model(read(TINY_MODELS / "tiny-embedder"))
    assert np.array_equal(found, tiny.embed(["hello world"], pooling="cls").values)


def test_the_names_of_the_shipped_models_are_unique() -> None:
    manifests = [read(path.parent) for path in BUNDLED.glob("*/manifest.toml")]
    assert len(list(Catalogue(manifests))) == len(manifests) >= 8


MINILM, SENTIMENT = (read(BUNDLED / name) for name in ("all-minilm-l6-v2", "minilm-l6-sst2-int8"))
TINY = read(TINY_MODELS / "tiny-embedder")
BGE = read(BUNDLED / "bge-base-en-v1.5")  # not installed
EMBEDDER = "default_embedder"


def test_without_a_setting_the_first_installed_model_of_the_task_is_the_default() -> None:
    catalogue = Catalogue([BGE, SENTIMENT, MINILM, TINY])
    assert catalogue.default("text-embeddings") == "all-minilm-l6-v2"
    assert catalogue.default("sentence-similarity") == "all-minilm-l6-v2"
    assert catalogue.default("text-classification") == "minilm-l6-sst2-int8"
    assert Catalogue([SENTIMENT]).default("text-embeddings") == ""


@pytest.mark.parametrize("name", ["tiny-embedder", "@test/tiny-embedder", "Test/Tiny-Embedder"])
def test_the_default_model_has_any_of_its_names(name: str) -> None:
    catalogue = Catalogue([MINILM, TINY, SENTIMENT], defaults={EMBEDDER: name})
    catalogue.check_defaults()
    for task in ("text-embeddings", "sentence-similarity"):
        assert TaskNames(task, catalogue, stand_ins=True).choose(None).manifest is TINY
    chosen = TaskNames("text-classification", catalogue, stand_ins=True).choose(None)
    assert chosen.manifest is SENTIMENT


@pytest.mark.parametrize("name", ["unheard-of", "minilm-l6-sst2-int8", "@cf/baai/bge-base-en-v1.5"])
def test_a_default_that_cannot_answer_is_refused_with_those_that_can(name: str) -> None:
    catalogue = Catalogue([MINILM, TINY, SENTIMENT, BGE], defaults={EMBEDDER: name})
    with pytest.raises(BadSetting) as raised:
        catalogue.check_defaults()
    assert str(raised.value) == (
        f"TEXTFN_DEFAULT_EMBEDDER is {name!r}, which is not installed or no model for "
        "text-embeddings. Set it to one of: all-minilm-l6-v2, tiny-embedder."
    )


def test_a_function_of_another_task_ignores_the_default() -> None:
    """One value of the setting serves all functions of a deployment."""
    Catalogue([SENTIMENT], defaults={EMBEDDER: "all-minilm-l6-v2"}).check_defaults()


def test_the_catalogue_s_function_knows_the_default_among_the_models_of_the_others() -> None:
    catalogue = Catalogue([BGE], ["bge-base-en-v1.5"], {EMBEDDER: "BAAI/bge-base-en-v1.5"})
    assert catalogue.default("text-embeddings") == "BAAI/bge-base-en-v1.5"


def hint(name: str, task: str = "text-embeddings") -> str:
    catalogue = Catalogue([MINILM, SENTIMENT, BGE])
    with pytest.raises(UnknownModel) as raised:
        TaskNames(task, catalogue, stand_ins=True).choose(name)
    return raised.value.hint


def test_a_hint_never_suggests_the_name_that_was_asked_for() -> None:
    found = hint("minilm-l6-sst2-int8")
    assert "minilm-l6-sst2-int8 or" not in found and "or minilm-l6-sst2-int8" not in found
    assert "minilm-l6-sst2-int8 is a model for text-classification." in found
    assert "Models served here: all-minilm-l6-v2." in found


def test_a_hint_of_another_vector_space_says_so() -> None:
    found = hint("@cf/baai/bge-m3")
    assert "Did you mean @cf/baai/bge-base-en-v1.5" in found
    assert "Vectors of different models cannot be compared." in found
    assert "cannot be compared" not in hint("minilm-l6-sst2-int9", "text-classification")


def test_the_models_of_other_functions_are_named() -> None:
    with pytest.raises(UnknownModel) as raised:
        Catalogue([BGE], ["bge-base-en-v1.5"]).find("x/y")
    assert raised.value.hint == "Models served here: bge-base-en-v1.5."
