"""Where a model is put together before one rename installs it."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.inference.locking import locked
from shared.manifest import BUNDLED
from shared.settings import Settings
from textfn.failure import Failure, in_words

# The folder in which models are put together. It is no model's, so nothing in it is served.
WORK = ".pull"
# `pull` and `add` write this file: a folder without it came with textfn or was made by hand.
PULLED = "checkpoint.sha256"
# The disk is full, the quota is reached, or the file is larger than allowed.
FULL = errno.ENOSPC, errno.EDQUOT, errno.EFBIG


class Busy(Failure):
    """Another process puts the same model together."""


class NoSpace(Failure):
    """The disk is too small; the message has the figures."""

    exit_code = 10


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
    """Make a folder and keep other processes from it. Raises Busy, NoSpace or OSError."""
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
