"""Where a model is put together before one rename installs it."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.inference.locking import locked
from textfn.failure import Failure, in_words

# Folders that models are put together in: not a model's, so that nothing there is ever served.
WORK = ".pull"
# `pull` and `add` write it: a folder without it came with textfn or was made by hand.
PULLED = "checkpoint.sha256"
# Of the disk, the quota, and the largest file that is allowed.
FULL = errno.ENOSPC, errno.EDQUOT, errno.EFBIG


class Busy(Failure):
    """Another process puts the same model together."""


class NoSpace(Failure):
    """The disk is too small; the message has the figures."""

    exit_code = 10


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a second process from the same folder, which is made. Raises Busy and NoSpace."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Beside the folder: Windows removes no folder with an open file in it.
        with locked(folder.with_name(f"{folder.name}.lock"), wait=False):
            yield
    except BlockingIOError:
        raise Busy(f"{folder.name}: another pull or add of it is running") from None
    except OSError as error:
        if error.errno in FULL:
            raise NoSpace(in_words(error)) from None
        raise


def move(staging: Path, destination: Path) -> Path:
    """Install the staged model by one rename: before it nothing is installed, then everything."""
    if destination.exists():
        shutil.rmtree(destination)  # an earlier one that lost files, or it would not come to this
    staging.rename(destination)
    shutil.rmtree(staging.parent)
    return destination
