"""`textfn models pull` as a person runs it, from a Hub on loopback."""

import hashlib
import json
import math
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphs import CHECKPOINTS, ROOT
from hub import COMMIT, running
from pulling import CHECKPOINT, HELLO, INSTALLED, Pull

SERVE = """
from shared.inference.library import Library
print(Library("text-embeddings")["tiny"].embed(["hello world"]).values[0].tolist())
"""


@pytest.fixture
def pull(tmp_path: Path) -> Iterator[Pull]:
    with running(CHECKPOINT) as hub:
        yield Pull(tmp_path, hub)


def test_a_pulled_model_is_served_and_verified(pull: Pull) -> None:
    code, output, error = pull.run("pull", "@test/tiny")
    assert (code, error) == (0, "")
    assert output.splitlines()[-1] == f"tiny is installed: {pull.models / INSTALLED}"
    assert pull.run("verify", "tiny")[:2] == (0, "tiny: right (3 files, 1 published references)\n")
    done = subprocess.run(
        [sys.executable, "-c", SERVE], env=pull.environment, capture_output=True, cwd=ROOT
    )
    assert json.loads(done.stdout) == pytest.approx(HELLO["mean"], abs=0.1)
    assert not list(pull.models.glob(".pull/*"))
    assert pull.run()[:2] == (0, f"tiny is installed: {pull.models / INSTALLED}\n")


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


def test_nothing_but_data_is_fetched_and_the_token_stays_with_the_hub(pull: Pull) -> None:
    assert pull.run()[0] == 0
    names = {each.name for each in pull.hub.seen}
    assert names == {"config.json", "tokenizer.json", "model.safetensors"}
    assert {each.token for each in pull.hub.seen if each.host == "127.0.0.1"} == {
        "Bearer hf_secret"
    }
    assert {each.token for each in pull.hub.seen if each.host == "localhost"} == {""}


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


def test_a_cut_connection_is_taken_up_again(pull: Pull) -> None:
    pull.hub.cut["model.safetensors"] = [20_000]
    assert pull.run()[0] == 0
    assert pull.hub.bodies("model.safetensors") == ["", "bytes=20000-"]


def test_a_pull_goes_on_from_where_the_last_one_was_cut(pull: Pull) -> None:
    pull.hub.cut["model.safetensors"] = [20_000, *[0] * 6]
    assert "model.safetensors: the connection was cut" in pull.refused(4)
    pull.hub.cut.clear()
    pull.hub.seen.clear()
    assert pull.run()[0] == 0
    assert pull.hub.bodies("model.safetensors") == ["bytes=20000-"]


def test_ctrl_c_installs_nothing_and_keeps_what_has_arrived(pull: Pull) -> None:
    pull.hub.stall["model.safetensors"] = 20_000
    process = pull.start("pull", "tiny")
    assert pull.hub.stalled.wait(30)
    time.sleep(0.2)  # the bytes are on their way
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error == ("textfn models pull: stopped; the next pull goes on from what has arrived\n")
    part = next(pull.models.glob(".pull/*/checkpoint/model.safetensors.part"))
    assert part.stat().st_size == 20_000
    assert not (pull.models / INSTALLED).exists()


def test_two_pulls_of_one_model_do_not_write_into_each_other(pull: Pull) -> None:
    pull.hub.stall["model.safetensors"] = 20_000
    first = pull.start("pull", "tiny")
    assert pull.hub.stalled.wait(30)
    assert "another pull of it is running" in pull.refused(1)
    pull.hub.stall.clear()
    pull.hub.go_on.set()
    _, error = first.communicate(timeout=60)
    assert (first.returncode, error) == (0, "")


def test_a_download_that_ended_just_before_its_check_is_not_done_again(pull: Pull) -> None:
    checkpoint = pull.models / ".pull" / INSTALLED / "checkpoint"
    checkpoint.mkdir(parents=True)
    shutil.copy(CHECKPOINT / "model.safetensors", checkpoint / "model.safetensors.part")
    assert pull.run()[0] == 0
    assert pull.hub.bodies("model.safetensors") == ["bytes=45496-"]


def test_a_pulled_model_is_listed_and_can_be_removed(pull: Pull) -> None:
    def listed() -> dict[str, object]:
        found = json.loads(pull.run("list", "--json")[1])
        return next(each for each in found if each["id"] == "tiny")

    assert (listed()["state"], listed()["bytes"]) == ("not installed", 0)
    assert "tiny is not installed" in pull.run("remove", "tiny")[2]
    assert pull.run()[0] == 0
    size = sum(path.stat().st_size for path in (pull.models / INSTALLED).glob("*.[oj]*"))
    assert (listed()["state"], listed()["bytes"]) == ("installed", size)
    assert pull.run("remove", "@test/tiny")[0] == 0
    assert not (pull.models / INSTALLED).exists()
    assert listed()["state"] == "not installed"
    assert pull.run()[0] == 0


def test_all_pulls_what_is_not_installed(pull: Pull) -> None:
    pull.hub.status["config.json"] = 503
    code, output, error = pull.run("pull", "--all")
    assert code == 8
    assert "all-minilm-l6-v2 is installed" in output
    assert "test/tiny/config.json: the Hub answered 503" in error
    assert "BAAI/bge-base-en-v1.5/config.json: the Hub answered 503" in error


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
