"""A lock that a second process meets, on Linux; Windows has another call for the same."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.inference.locking import locked

TRY = """
import sys
from pathlib import Path
from shared.inference.locking import locked
try:
    with locked(Path(sys.argv[1]), wait=sys.argv[2] == "wait"):
        print("held", flush=True)
        sys.stdin.readline()
except BlockingIOError:
    print("busy")
"""


def other(path: Path, how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", TRY, str(path), how]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_second_process_is_kept_out_until_the_first_is_done(tmp_path: Path) -> None:
    with locked(tmp_path / "lock"):
        assert other(tmp_path / "lock", "do not wait").communicate(timeout=30)[0] == "busy\n"
        waiting = other(tmp_path / "lock", "wait")
    assert waiting.communicate("\n", timeout=30)[0] == "held\n"
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_dies_frees_its_lock(tmp_path: Path) -> None:
    first = other(tmp_path / "lock", "wait")
    assert first.stdout and first.stdout.readline() == "held\n"
    with pytest.raises(BlockingIOError), locked(tmp_path / "lock", wait=False):
        pass
    first.kill()
    first.communicate(timeout=30)
    with locked(tmp_path / "lock", wait=False):
        pass


def test_a_file_that_its_last_holder_has_removed_keeps_nobody_out(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", wait=False):
        (tmp_path / "lock").unlink()
        with locked(tmp_path / "lock", wait=False):
            pass
        (tmp_path / "lock").touch()


def test_a_link_in_place_of_the_lock_empties_no_file(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    (tmp_path / "lock").symlink_to(tmp_path / "mine")
    with locked(tmp_path / "lock"):
        pass
    assert (tmp_path / "mine").read_text() == "kept"
