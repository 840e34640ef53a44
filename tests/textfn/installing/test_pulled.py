"""What a pull refuses to build or to install."""

import hashlib
import json
import math
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphs import CHECKPOINTS, ROOT
from hub import COMMIT, running
from pulling import CHECKPOINT, INSTALLED, Pull


@pytest.fixture
def pull(tmp_path: Path) -> Iterator[Pull]:
    with running(CHECKPOINT) as hub:
        yield Pull(tmp_path, hub)


def test_an_architecture_without_a_builder_is_refused_before_anything_is_asked(
    pull: Pull,
) -> None:
    pull.catalogue(architecture="gpt2")
    assert "the architecture gpt2 cannot be built here yet" in pull.refused(1)
    assert pull.hub.seen == []


def test_a_build_that_misses_the_published_numbers_is_not_installed(pull: Pull) -> None:
    pull.catalogue(numbers=[9.0, 9.0, 9.0, 9.0, 9.0])
    assert "is wrong and not installed: torch: off by" in pull.refused(1)


def test_a_spoiled_checkpoint_is_not_installed(pull: Pull) -> None:
    pull.hub.files["config.json"] = b'{"model_type": "bert", "hidden_act": "relu"}'
    assert "hidden_act relu is not supported" in pull.refused(1)
    shutil.rmtree(pull.models / ".pull")
    pull.hub.files["config.json"] = b"<html>"
    assert "config.json is not JSON" in pull.refused(1)
    shutil.rmtree(pull.models / ".pull")
    pull.hub.files["config.json"] = b"[]"
    assert "config.json holds no object" in pull.refused(1)
    shutil.rmtree(pull.models / ".pull")
    pull.hub.files["config.json"] = b'{"model_type": "bert"}'
    assert "config.json: num_hidden_layers is no whole number" in pull.refused(1)


def test_a_spoiled_tokenizer_is_not_installed(pull: Pull) -> None:
    pull.hub.files["tokenizer.json"] = b"{}"
    assert "tokenizer.json cannot be read: " in pull.refused(1)


def test_a_full_disk_is_told_before_anything_is_fetched(pull: Pull) -> None:
    pull.before = "import shutil; shutil.disk_usage = lambda _: shutil._ntuple_diskusage(9, 9, 9)"
    assert "0.1 MB are needed, 0.0 MB are free" in pull.refused(10)
    assert pull.hub.bodies("model.safetensors") == []


def test_a_disk_that_fills_up_meanwhile_is_told(pull: Pull) -> None:
    pull.before = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (30_000, -1))"
    assert "File too large" in pull.refused(10)


def test_a_pickle_under_the_name_of_safetensors_is_not_opened(pull: Pull, tmp_path: Path) -> None:
    trap = f"cos\nsystem\n(S'touch {tmp_path / 'ran'}'\ntR.".encode()
    pull.hub.files["model.safetensors"] = trap
    assert "model.safetensors is not in safetensors" in pull.refused(1)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "architecture"), [("tiny-mpnet", "mpnet"), ("tiny-xlm-roberta", "xlm-roberta")]
)
def test_another_architecture_is_pulled_and_meets_torch_s_numbers(
    tmp_path: Path, name: str, architecture: str
) -> None:
    cases = json.loads((CHECKPOINTS / name / "golden.json").read_text("utf-8"))
    numbers = next(case for case in cases if case.get("text") == "hello world")["cls"][:8]
    with running(CHECKPOINTS / name) as hub:
        pull = Pull(tmp_path, hub)
        pull.catalogue(architecture=architecture, numbers=numbers)
        assert pull.run()[::2] == (0, "")


def test_a_classifier_is_pulled_and_meets_torch_s_probabilities(tmp_path: Path) -> None:
    cases = json.loads((CHECKPOINTS / "tiny-distilbert" / "golden.json").read_text("utf-8"))
    logits = next(case for case in cases if case.get("text") == "hello world")["logits"]
    positive = 1 / (1 + math.exp(logits[0] - logits[1]))
    with running(CHECKPOINTS / "tiny-distilbert") as hub:
        pull = Pull(tmp_path, hub)
        pull.catalogue(architecture="distilbert")
        manifest = pull.models / "tiny" / "manifest.toml"
        text = manifest.read_text("utf-8").replace("text-embeddings", "text-classification")
        text = text.replace('["mean", "cls"]', '["cls"]')
        text = text.replace("dimensions = 16", 'labels = ["NEGATIVE", "POSITIVE"]')
        scores = f"scores = {{ NEGATIVE = {1 - positive}, POSITIVE = {positive} }}"
        text = re.sub("^first_numbers.*$", scores, text, flags=re.MULTILINE)
        manifest.write_text(text.replace("tolerance = 0.1", "tolerance = 0.02"), "utf-8")
        assert pull.run()[::2] == (0, "")


def test_a_moving_revision_is_written_down_as_the_commit_it_was(pull: Pull) -> None:
    pull.catalogue(revision="main")
    assert pull.run()[0] == 0
    folder = pull.models / INSTALLED
    assert f'revision = "{COMMIT}"' in (folder / "manifest.toml").read_text("utf-8")
    done = subprocess.run(
        ["sha256sum", "--check", folder / "checkpoint.sha256"], cwd=CHECKPOINT, capture_output=True
    )
    assert done.returncode == 0


def test_a_checkpoint_without_tokenizer_json_is_pulled_with_its_words(pull: Pull) -> None:
    words = json.loads(pull.hub.files.pop("tokenizer.json"))["model"]["vocab"]
    vocabulary = "\n".join(sorted(words, key=words.get)).encode()
    pull.hub.files["vocab.txt"] = vocabulary
    pull.catalogue(digests=f'"vocab.txt" = "{hashlib.sha256(vocabulary).hexdigest()}"')
    assert pull.run()[0] == 0
    assert "vocab.txt" in (pull.models / INSTALLED / "checkpoint.sha256").read_text("utf-8")


def test_every_model_that_is_not_bundled_names_where_it_comes_from() -> None:
    from shared.manifest import BUNDLED, read

    manifests = [read(path.parent) for path in sorted(BUNDLED.glob("*/manifest.toml"))]
    pulled = [manifest for manifest in manifests if not manifest.installed]
    assert len(pulled) >= 6
    for manifest in pulled:
        assert manifest.source.startswith("https://huggingface.co/"), manifest.id


def test_the_calibration_text_is_the_one_that_the_bundled_model_had() -> None:
    lines = (ROOT / "benchmarks" / "sentences.txt").read_text("utf-8").splitlines()
    assert (ROOT / "textfn" / "building" / "calibration.txt").read_text(
        "utf-8"
    ).splitlines() == lines[-96:]
