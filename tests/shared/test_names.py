"""The catalogue's names."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from graphs import TINY_MODELS

from shared.inference.model import Model
from shared.manifest import BUNDLED, BadManifest, Manifest, read
from shared.names import Catalogue


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
