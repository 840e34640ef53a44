"""`textfn models pull` as a person runs it, from a Hub on loopback."""

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphs import CHECKPOINTS, ROOT
from hub import COMMIT, REPOSITORY, Hub, running

CHECKPOINT = CHECKPOINTS / "tiny-embedder"
HELLO = next(
    case
    for case in json.loads((CHECKPOINT / "golden.json").read_text("utf-8"))
    if case.get("text") == "hello world"
)
INSTALLED = f"tiny@{COMMIT[:12]}"
SERVE = """
from shared.library import Library
print(Library("text-embeddings")["tiny"].embed(["hello world"]).values[0].tolist())
"""
MANIFEST = """id = "tiny"
aliases = ["@test/tiny"]
tasks = ["text-embeddings"]
description = "Random embeddings"
source = "https://huggingface.co/{repository}"
revision = "{revision}"
licence = "Apache-2.0"
architecture = "{architecture}"
max_tokens = 32
pooling = ["mean", "cls"]
normalize = false
dimensions = 16

[checkpoint_sha256]
{digests}

[[references]]
origin = "torch"
text = "hello world"
pooling = "cls"
first_numbers = {numbers}
tolerance = 0.1
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running(CHECKPOINT) as hub:
        yield hub


class Pull:
    """A catalogue of one model, pulled into the folder it is in."""

    def __init__(self, folder: Path, hub: Hub) -> None:
        self.models, self.hub, self.largest = folder / "models", hub, 1_000_000
        (self.models / "tiny").mkdir(parents=True)
        self.catalogue()

    def catalogue(self, **fields: object) -> None:
        known = {
            "repository": REPOSITORY,
            "revision": COMMIT,
            "architecture": "bert",
            "digests": "",
            "numbers": HELLO["cls"][:5],
        }
        text = MANIFEST.format(**known | fields)
        (self.models / "tiny" / "manifest.toml").write_text(text, "utf-8")

    @property
    def environment(self) -> dict[str, str]:
        home = {"HF_HOME": str(self.models.parent / "hf"), "HF_TOKEN": "hf_secret"}
        return (
            os.environ
            | home
            | {
                "TEXTFN_MODELS_DIR": str(self.models),
                "HF_ENDPOINT": self.hub.url,
                "HF_HUB_ETAG_TIMEOUT": "2",
            }
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tools.cli", "models", *words],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (self.largest, resource.RLIM_INFINITY)
            ),
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit code, what was printed, what went wrong."""
        process = self.start(*(words or ("pull", "tiny")))
        output, error = process.communicate(timeout=60)
        return process.returncode, output, error

    def refused(self, code: int) -> str:
        """The one line of a pull that fails and installs nothing."""
        found, _, error = self.run()
        assert found == code, error
        assert len(error.splitlines()) == 1
        assert error.startswith("textfn models pull: ")
        assert sorted(path.name for path in self.models.glob("*/manifest.toml")) == [
            "manifest.toml"
        ]
        return error


@pytest.fixture
def pull(tmp_path: Path, hub: Hub) -> Pull:
    return Pull(tmp_path, hub)


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


def test_a_download_that_ended_just_before_its_check_is_not_done_again(pull: Pull) -> None:
    checkpoint = pull.models / ".pull" / INSTALLED / "checkpoint"
    checkpoint.mkdir(parents=True)
    shutil.copy(CHECKPOINT / "model.safetensors", checkpoint / "model.safetensors.part")
    assert pull.run()[0] == 0
    assert pull.hub.bodies("model.safetensors") == ["bytes=45496-"]


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, 5, "set HF_TOKEN"),
        (403, 5, "set HF_TOKEN"),
        (404, 6, "no such file at this revision"),
        (429, 7, "too many requests"),
        (500, 8, "answered 500"),
        (503, 8, "answered 503"),
    ],
)
def test_a_refusal_is_a_plain_line_and_a_code_of_its_own(
    pull: Pull, status: int, code: int, words: str
) -> None:
    pull.hub.status["model.safetensors"] = status
    error = pull.refused(code)
    assert "model.safetensors" in error and words in error


def test_a_revision_that_is_gone_is_told(pull: Pull) -> None:
    pull.catalogue(revision="f" * 40)
    assert "no such file at this revision" in pull.refused(6)


def test_no_network_is_told(pull: Pull) -> None:
    pull.hub.server_close()
    pull.hub.shutdown()
    assert "the Hub cannot be reached" in pull.refused(3)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_bytes_other_than_the_hub_names_are_refused_and_deleted(pull: Pull, name: str) -> None:
    content = pull.hub.files[name]
    pull.hub.lie[name] = content[:-1] + bytes([content[-1] ^ 1])
    assert f"{name} is not the file that was pinned" in pull.refused(9)
    assert not list(pull.models.glob(f".pull/*/checkpoint/{name}*"))
    pull.hub.lie.clear()
    assert pull.run()[0] == 0


def test_a_hub_that_names_other_bytes_than_the_manifest_is_refused(pull: Pull) -> None:
    pull.catalogue(digests=f'"model.safetensors" = "{"0" * 64}"')
    assert f"expected {'0' * 64}" in pull.refused(9)
    right = hashlib.sha256(pull.hub.files["model.safetensors"]).hexdigest()
    pull.catalogue(digests=f'"model.safetensors" = "{right}"')
    assert pull.run()[0] == 0


def test_an_architecture_without_a_builder_is_refused_before_anything_is_asked(
    pull: Pull,
) -> None:
    pull.catalogue(architecture="gpt2")
    assert "the architecture gpt2 cannot be built here yet" in pull.refused(1)
    assert pull.hub.seen == []


def test_a_build_that_misses_the_published_numbers_is_not_installed(pull: Pull) -> None:
    pull.catalogue(numbers=[9.0, 9.0, 9.0, 9.0, 9.0])
    assert "so it is not installed: torch: off by" in pull.refused(1)


def test_a_spoiled_checkpoint_is_not_installed(pull: Pull) -> None:
    pull.hub.files["config.json"] = b'{"model_type": "bert", "hidden_act": "relu"}'
    assert "hidden_act relu is not supported" in pull.refused(1)


def test_a_full_disk_is_told_before_anything_is_fetched(
    pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tools import install
    from tools.hub import RemoteFile

    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 1))  # type: ignore[attr-defined]
    big = RemoteFile("model.safetensors", "", COMMIT, 3_000_000, "0" * 64)
    with pytest.raises(install.NoSpace, match=r"4.0 MB are needed, 0.0 MB are free"):
        install._refuse_a_full_disk([big], pull.models.parent)


def test_a_disk_that_fills_up_meanwhile_is_told(pull: Pull) -> None:
    pull.largest = 30_000  # bytes in a file
    assert "File too large" in pull.refused(10)


def test_an_unknown_model_is_answered_with_the_right_name(pull: Pull) -> None:
    code, _, error = pull.run("pull", "tinny")
    assert code == 2
    assert "No such model tinny" in error and "did you mean tiny" in error
    assert pull.run("pull")[0] == 2


def test_a_missing_package_is_told_with_the_command_that_installs_it(pull: Pull) -> None:
    code = "import sys; sys.modules['onnx'] = None; from tools.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "models", "pull", "tiny"],
        env=pull.environment,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    expected = "textfn models pull: onnx is not installed here; `make .venv/dev` installs it\n"
    assert (done.returncode, done.stderr) == (1, expected)


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


def test_every_catalogued_model_names_where_it_comes_from() -> None:
    from shared.manifest import BUNDLED, read

    for path in sorted(BUNDLED.glob("*/manifest.toml")):
        manifest = read(path.parent)
        assert manifest.source.startswith("https://huggingface.co/"), path


def test_the_calibration_text_is_the_one_that_the_bundled_model_had() -> None:
    lines = (ROOT / "benchmarks" / "sentences.txt").read_text("utf-8").splitlines()
    assert (ROOT / "tools" / "calibration.txt").read_text("utf-8").splitlines() == lines[-96:]
