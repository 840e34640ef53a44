"""Every way a pull can fail: a plain line, a code of its own, nothing installed."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphs import ROOT
from hub import COMMIT, REPOSITORY, running
from pulling import CHECKPOINT, INSTALLED, Pull

FILES = ("config.json", "tokenizer.json", "model.safetensors")


@pytest.fixture
def pull(tmp_path: Path) -> Iterator[Pull]:
    with running(CHECKPOINT) as hub:
        yield Pull(tmp_path, hub)


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


def test_a_gated_repository_is_told_with_what_opens_it(pull: Pull) -> None:
    pull.hub.code["config.json"] = "GatedRepo"
    pull.hub.status["config.json"] = 403
    error = pull.refused(5)
    assert "If the repository is gated, accept its terms" in error and "HF_TOKEN" in error
    assert "hf_secret" not in error


def test_a_repository_that_has_a_pickle_alone_is_refused_and_the_pickle_not_asked_for(
    pull: Pull,
) -> None:
    pull.hub.files["pytorch_model.bin"] = pull.hub.files.pop("model.safetensors")
    assert "a pickle could run anything" in pull.refused(6)
    assert "pytorch_model.bin" not in {each.name for each in pull.hub.seen}


def test_nothing_but_data_is_fetched_and_the_token_stays_with_the_hub(pull: Pull) -> None:
    assert pull.run()[0] == 0
    names = {each.name for each in pull.hub.seen}
    assert names == {"config.json", "tokenizer.json", "model.safetensors"}
    assert {each.token for each in pull.hub.seen if each.host == "127.0.0.1"} == {
        "Bearer hf_secret"
    }
    assert {each.token for each in pull.hub.seen if each.host == "localhost"} == {""}


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


def test_a_download_that_ended_just_before_its_check_is_not_done_again(pull: Pull) -> None:
    checkpoint = pull.models / ".pull" / INSTALLED / "checkpoint"
    checkpoint.mkdir(parents=True)
    shutil.copy(CHECKPOINT / "model.safetensors", checkpoint / "model.safetensors.part")
    assert pull.run()[0] == 0
    assert pull.hub.bodies("model.safetensors") == ["bytes=45496-"]


def test_a_server_that_sends_more_than_it_named_is_stopped(pull: Pull) -> None:
    content = pull.hub.files["model.safetensors"]
    pull.hub.lie["model.safetensors"] = content + bytes(10_000_000)
    assert "more than the 45496 bytes that the Hub named arrived" in pull.refused(8)
    assert sum(path.stat().st_size for path in pull.models.glob(".pull/*/*/model*")) == 0
    pull.hub.lie.clear()
    assert pull.run()[0] == 0


def test_one_bar_shows_the_bytes_of_all_files(pull: Pull, tmp_path: Path) -> None:
    """In a process of its own: huggingface_hub reads HF_ENDPOINT when it is imported."""
    (tmp_path / "arrived").mkdir()
    (tmp_path / "arrived" / "model.safetensors.part").write_bytes(
        pull.hub.files["model.safetensors"][:20_000]
    )
    code = f"""
import io
from pathlib import Path
from tqdm import tqdm
from textfn.installing import hub
files = [hub.look_up("{REPOSITORY}", "{COMMIT}", name) for name in {FILES}]
with tqdm(total=sum(file.size for file in files), file=io.StringIO()) as bar:
    shown = [(hub.fetch(file, Path("{tmp_path / "arrived"}"), bar), bar.n)[1] for file in files]
    assert shown[0] == files[0].size and shown[-1] == bar.total, shown
"""
    subprocess.run([sys.executable, "-c", code], env=pull.environment, cwd=ROOT, check=True)
