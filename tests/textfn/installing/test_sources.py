"""`textfn models pull --from FOLDER`: a checkpoint that was carried in."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub import COMMIT, running
from index import digests
from pulling import CHECKPOINT, INSTALLED, Pull


@pytest.fixture
def pull(tmp_path: Path) -> Iterator[Pull]:
    with running(CHECKPOINT) as hub:
        made = Pull(tmp_path, hub)
        made.catalogue(digests=digests(CHECKPOINT))
        shutil.copytree(CHECKPOINT, tmp_path / "carried")
        yield made
        assert hub.seen == []


@pytest.fixture
def carried(pull: Pull) -> Path:
    return pull.models.parent / "carried"


def test_a_checkpoint_is_taken_from_a_folder_without_a_network(pull: Pull, carried: Path) -> None:
    before = sorted(carried.iterdir())
    code, output, error = pull.run("pull", "tiny", "--from", str(carried))
    assert (code, error) == (0, "")
    assert output.splitlines()[-1] == f"tiny is installed: {pull.models / INSTALLED}"
    assert pull.run("verify", "tiny")[0] == 0
    assert f'revision = "{COMMIT}"' in (pull.models / INSTALLED / "manifest.toml").read_text()
    assert sorted(carried.iterdir()) == before
    assert not list(pull.models.glob(".pull/*"))


def test_another_file_is_refused_and_stays(pull: Pull, carried: Path) -> None:
    weights = carried / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"x")
    error = pull.refused(9, "pull", "tiny", "--from", str(carried))
    assert "model.safetensors is not the file that was pinned" in error
    assert weights.exists()


def test_files_without_a_digest_on_record_are_named_by_their_own(pull: Pull, carried: Path) -> None:
    pull.catalogue()
    assert pull.run("pull", "tiny", "--from", str(carried))[0] == 0
    digest = hashlib.sha256((carried / "model.safetensors").read_bytes()).hexdigest()
    manifest = pull.models / f"tiny@{digest[:12]}" / "manifest.toml"
    assert f'revision = "model.safetensors sha256:{digest}"' in manifest.read_text()


def test_numbers_other_than_the_published_ones_are_refused(pull: Pull, carried: Path) -> None:
    pull.catalogue(numbers=[9.0, 9.0, 9.0, 9.0, 9.0])
    error = pull.refused(1, "pull", "tiny", "--from", str(carried))
    assert "is wrong and not installed: torch: off by" in error


def test_words_that_the_manifest_does_not_name_are_not_read(pull: Pull, carried: Path) -> None:
    """MPNet's folder has both; BERT's tokenizer made of its vocab.txt is another."""
    (carried / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")
    assert pull.run("pull", "tiny", "--from", str(carried))[0] == 0
    assert pull.run("verify", "tiny")[0] == 0


@pytest.mark.parametrize("names", [["config.json"], ["config.json", "model.safetensors"]])
def test_a_folder_without_a_checkpoint_is_told_what_it_misses(
    pull: Pull, carried: Path, names: list[str]
) -> None:
    for name in names:
        (carried / name).unlink()
    error = pull.refused(1, "pull", "tiny", "--from", str(carried))
    assert (
        f"carried has no {' and no '.join(names)}. A checkpoint of tiny has config.json, " in error
    )


def test_the_folder_is_that_of_one_model(pull: Pull, carried: Path) -> None:
    for words in (["--all"], ["tiny", "mfaq"]):
        error = pull.refused(2, "pull", *words, "--from", str(carried))
        assert "--from takes the checkpoint of one model: give one NAME" in error
