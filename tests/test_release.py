"""`make release`: what it refuses, and that the changelog goes with the version."""

import datetime
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TESTS

from shared.version import VERSION

ROOT = TESTS.parent
spec = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
assert spec and spec.loader
release = importlib.util.module_from_spec(spec)
spec.loader.exec_module(release)

CHANGELOG = "# Changelog\n\n## Unreleased\n\n## 1.2.0 - 2026-11-28\n\n### Added\n\n- A line.\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit that is ready to be released as 1.2.0."""
    for name in (".ci", "shared"):
        (tmp_path / name).mkdir()
    shutil.copy(ROOT / ".ci" / "release.py", tmp_path / ".ci")
    (tmp_path / "shared" / "version.py").write_text('VERSION = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "Start")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    person = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    command = ["git", *person, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def faults(checkout: Path) -> list[str]:
    return list(release.problems(checkout, release.version_of(checkout)))


def test_a_checkout_that_is_ready_has_no_faults(checkout: Path) -> None:
    assert faults(checkout) == []


def test_a_tree_that_is_not_clean_is_refused(checkout: Path) -> None:
    (checkout / "new.py").write_text("")
    assert faults(checkout) == ["the tree is not clean: commit or remove new.py"]


def test_a_version_that_is_tagged_is_refused(checkout: Path) -> None:
    git(checkout, "tag", "v1.2.0")
    assert faults(checkout) == ["v1.2.0 is tagged already: raise VERSION in shared/version.py"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1.2.0 - 2026-11-28", "1.2.0", f'it must have "## 1.2.0 - {datetime.date.today()}"'),
        ("1.2.0 - 2026-11-28", "1.2.0 - 2026-13-28", 'has "## 1.2.0 - 2026-13-28" after'),
        ("1.2.0 - 2026-11-28", "1.1.0 - 2026-11-28", 'has "## 1.1.0 - 2026-11-28" after'),
        ("## Unreleased\n", "## Unreleased\n\n- More.\n", "move its lines to 1.2.0"),
        ("## Unreleased\n\n", "", "does not begin with an empty section"),
    ],
)
def test_a_changelog_without_the_section_is_refused(
    checkout: Path, old: str, new: str, said: str
) -> None:
    (checkout / "CHANGELOG.md").write_text(CHANGELOG.replace(old, new))
    git(checkout, "commit", "--all", "--quiet", "--message", "Change")
    assert said in "\n".join(faults(checkout))


def test_a_refused_release_builds_nothing_and_tags_nothing(checkout: Path) -> None:
    (checkout / "new.py").write_text("")
    command = [sys.executable, str(checkout / ".ci" / "release.py")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "make release: the tree is not clean: commit or remove new.py\n"
    assert not (checkout / "dist").exists()
    assert git(checkout, "tag") == ""


def test_the_version_of_this_checkout_is_in_its_changelog() -> None:
    assert f"\n## {VERSION} - " in (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert VERSION == release.version_of(ROOT)
