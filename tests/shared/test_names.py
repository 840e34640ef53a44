"""The catalogue's names."""

import re
from pathlib import Path

import pytest
from graphs import TINY_MODELS

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


def test_the_names_of_the_shipped_models_are_unique() -> None:
    manifests = [read(path.parent) for path in BUNDLED.glob("*/manifest.toml")]
    assert len(list(Catalogue(manifests))) == len(manifests) >= 8
