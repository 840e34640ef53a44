"""`textfn models list` and `remove`, in the process of the tests."""

import json
import re

import pytest
from graphs import TINY_MODELS

from shared.manifest import BUNDLED, Manifest, read
from shared.manifest_checks import CHECKPOINTS
from textfn.__main__ import main

CATALOGUED = [read(path.parent) for path in sorted(BUNDLED.glob("*/manifest.toml"))]


def test_the_list_says_what_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["all-minilm-l6-v2"].endswith("(installed)")
    assert "24.0 MB" in lines["all-minilm-l6-v2"]
    assert lines["all-mpnet-base-v2"].endswith("(stand-in: all-minilm-l6-v2)")
    assert lines["mfaq"].endswith("text-embeddings, sentence-similarity  (not installed)")


def test_the_list_has_a_class_of_speed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    words = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert words["all-minilm-l6-v2"][3] == "small"
    assert words["bge-large-en-v1.5"][1] == "large"
    assert main(["models", "list", "--json"]) == 0
    listed = {each["id"]: each["speed"] for each in json.loads(capsys.readouterr().out)}
    assert {id: listed[id] for id in ("bge-small-en-v1.5", "tiny-embedder")} == {
        "bge-small-en-v1.5": "small",
        "tiny-embedder": "",
    }
    assert {listed[id] for id in ("bge-base-en-v1.5", "all-mpnet-base-v2", "mfaq")} == {"base"}
    assert listed["distilbert-sst-2-int8"] == "base"


def test_the_list_is_json_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--json"]) == 0
    listed = {each["id"]: each for each in json.loads(capsys.readouterr().out)}
    minilm = listed["all-minilm-l6-v2"]
    assert (minilm["state"], minilm["licence"]) == ("installed", "Apache-2.0")
    assert listed["all-mpnet-base-v2"]["stand_in"] == "all-minilm-l6-v2"
    assert (listed["bge-base-en-v1.5"]["state"], listed["bge-base-en-v1.5"]["bytes"]) == (
        "not installed",
        0,
    )


def test_a_model_that_was_not_pulled_is_not_removed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "remove", "all-minilm-l6-v2"]) == 1
    assert "all-minilm-l6-v2 was not pulled" in capsys.readouterr().err
    assert read(TINY_MODELS.parent.parent.parent / "models" / "all-minilm-l6-v2").installed
    assert main(["models", "remove", "nothing"]) == 1
    assert "No such model nothing" in capsys.readouterr().err


@pytest.mark.parametrize("manifest", CATALOGUED, ids=lambda manifest: manifest.id)
def test_a_catalogued_manifest_is_complete(manifest: Manifest) -> None:
    assert manifest.description and manifest.licence in ("Apache-2.0", "MIT")
    assert manifest.aliases or manifest.installed  # our own model has one name
    assert bool(manifest.labels) != bool(manifest.dimensions)
    assert set(manifest.checkpoint_sha256) <= set().union(*CHECKPOINTS)
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in manifest.checkpoint_sha256.values())
    assert manifest.installed or manifest.architecture
    assert manifest.width in (manifest.dimensions, 384, 768) and manifest.layers
    for reference in manifest.references:
        assert reference["origin"] and 0 < reference["tolerance"] <= 0.03
        assert reference.get("pooling", manifest.pooling[0]) in manifest.pooling
        assert set(reference.get("scores", manifest.labels)) == set(manifest.labels)
