"""`textfn models pull` as a person runs it, from a Hub on loopback."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphs import ROOT
from hub import running
from pulling import CHECKPOINT, HELLO, INSTALLED, Pull

SERVE = """
from shared.inference.library import Library
from shared.settings import Settings
model = Library(Settings.read()).of("text-embeddings")["tiny"]
print(model.embed(["hello world"]).values[0].tolist())
"""


@pytest.fixture
def pull(tmp_path: Path) -> Iterator[Pull]:
    with running(CHECKPOINT) as hub:
        yield Pull(tmp_path, hub)


def test_a_pulled_model_is_served_and_verified(pull: Pull) -> None:
    code, output, error = pull.run("pull", "@test/tiny")
    assert (code, error) == (0, "")
    assert output.splitlines()[-1] == f"tiny is installed: {pull.models / INSTALLED}"
    assert pull.run("verify", "tiny")[:2] == (0, "tiny: right (5 files, 1 published references)\n")
    done = subprocess.run(
        [sys.executable, "-c", SERVE], env=pull.environment, capture_output=True, cwd=ROOT
    )
    assert json.loads(done.stdout) == pytest.approx(HELLO["mean"], abs=0.1)
    assert not list(pull.models.glob(".pull/*"))
    assert pull.run()[:2] == (0, f"tiny is installed: {pull.models / INSTALLED}\n")


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
    assert "another pull or add of it is running" in pull.refused(1)
    pull.hub.stall.clear()
    pull.hub.go_on.set()
    _, error = first.communicate(timeout=60)
    assert (first.returncode, error) == (0, "")


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


def test_an_unknown_model_is_answered_with_the_right_name(pull: Pull) -> None:
    code, _, error = pull.run("pull", "tinny")
    assert code == 2
    assert "No such model tinny" in error and "Did you mean tiny" in error
    assert pull.run("pull")[0] == 2


def test_a_missing_package_is_told_with_the_command_that_installs_it(pull: Pull) -> None:
    pull.before = "import sys; sys.modules['onnx'] = None"
    expected = (
        "textfn models pull: the package onnx is not installed. Run pip install 'textfn[models]', "
        "or make .venv/dev in a clone of textfn.\n"
    )
    assert pull.refused(1) == expected
