"""A lock between processes, on Linux, macOS and Windows."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a file locked; the system frees it if the process dies. The file is removed at the end.

    Raises BlockingIOError if another process holds it and `wait` is false.
    """
    with _held(path, wait) as file:
        try:
            yield
        finally:
            with suppress(PermissionError):  # Windows removes no file that is open
                path.unlink()
            _unlock(file)


@contextmanager
def _held(path: Path, wait: bool) -> Iterator[BinaryIO]:
    """Lock the file that is at the path. A file that its last holder removed locks nobody out."""
    while True:
        with path.open("ab") as file:  # "w" would empty what a link leads to
            _lock(file, wait)
            if _is_at(path, file):
                yield file
                return


def _is_at(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _lock(file: BinaryIO, wait: bool) -> None:
    try:
        import fcntl  # not on Windows
    except ModuleNotFoundError:
        _lock_on_windows(file, wait)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def _lock_on_windows(file: BinaryIO, wait: bool) -> None:
    """Lock the first byte, which need not be there."""
    import msvcrt

    file.seek(0)
    while True:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            return
        except OSError:  # LK_LOCK gives up after ten seconds
            if not wait:
                raise BlockingIOError(f"{file.name} is locked") from None


def _unlock(file: BinaryIO) -> None:
    """Free the file. On Windows a lock must be freed before its file is closed."""
    try:
        import fcntl
    except ModuleNotFoundError:
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(file, fcntl.LOCK_UN)
