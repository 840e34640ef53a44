"""Every way a pull can fail: a plain line, a code of its own, nothing installed."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub import COMMIT, running
from pulling import CHECKPOINT, Pull


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


def test_a_full_disk_is_told_before_anything_is_fetched(
    pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textfn.installing import pulled as install
    from textfn.installing.hub import RemoteFile

    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 1))  # type: ignore[attr-defined]
    big = RemoteFile("model.safetensors", "", COMMIT, 3_000_000, "0" * 64)
    with pytest.raises(install.NoSpace, match=r"4.0 MB are needed, 0.0 MB are free"):
        install._refuse_a_full_disk([big], pull.models.parent)


def test_a_disk_that_fills_up_meanwhile_is_told(pull: Pull) -> None:
    pull.before = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (30_000, -1))"
    assert "File too large" in pull.refused(10)


def test_an_unknown_model_is_answered_with_the_right_name(pull: Pull) -> None:
    code, _, error = pull.run("pull", "tinny")
    assert code == 2
    assert "No such model tinny" in error and "did you mean tiny" in error
    assert pull.run("pull")[0] == 2


def test_a_missing_package_is_told_with_the_command_that_installs_it(pull: Pull) -> None:
    pull.before = "import sys; sys.modules['onnx'] = None"
    expected = "textfn models pull: onnx is not installed here; `make .venv/dev` installs it\n"
    assert pull.refused(1) == expected


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


def test_a_pickle_under_the_name_of_safetensors_is_not_opened(pull: Pull, tmp_path: Path) -> None:
    trap = f"cos\nsystem\n(S'touch {tmp_path / 'ran'}'\ntR.".encode()
    pull.hub.files["model.safetensors"] = trap
    assert "model.safetensors is not in safetensors" in pull.refused(1)
    assert not (tmp_path / "ran").exists()
