"""Where a model is put together before one rename installs it."""

import errno
import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.manifest import BUNDLED
from shared.settings import Settings

# Folders that models are put together in: not a model's, so that nothing there is ever served.
WORK = ".pull"
# `pull` and `add` write it: a folder without it came with textfn or was made by hand.
PULLED = "checkpoint.sha256"
# Of the disk, the quota, and the largest file that is allowed.
FULL = errno.ENOSPC, errno.EDQUOT, errno.EFBIG


class Busy(Exception):
    """Another process puts the same model together."""


class NoSpace(Exception):
    """The disk is too small; the message has the figures."""

    code = 10


def models_folder() -> Path:
    """Return the folder that models are installed into. Raises PermissionError."""
    folder = Settings.read().models_dir or BUNDLED
    try:
        (folder / WORK).mkdir(exist_ok=True)
    except OSError as error:
        if error.errno in FULL:
            raise
        reason = f"{folder} cannot be written ({error.strerror})"
        raise PermissionError(f"{reason}: set TEXTFN_MODELS_DIR to a folder of your own") from None
    return folder


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Two at once would write into the same files. Raises Busy."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"{folder.name}: another pull of it is running") from None
        yield


def move(staging: Path, destination: Path) -> Path:
    """One rename: before it nothing is installed, after it everything."""
    if destination.exists():
        shutil.rmtree(destination)  # an earlier one that lost files, or it would not come to this
    staging.rename(destination)
    shutil.rmtree(staging.parent)
    return destination
