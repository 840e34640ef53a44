"""Digests of files."""

import hashlib
from pathlib import Path

from textfn.failure import Failure


class WrongDigest(Failure):
    """A file that is not the pinned one."""

    exit_code = 9


def file_sha256(path: Path) -> str:
    """Return the sha256 in hex. Raises OSError."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def git_blob(path: Path) -> str:
    """Return the sha1 that git gives a file: of a header and the bytes (Pro Git, chapter 10.2)."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def require_digest(path: Path, expected: str) -> str:
    """Return the file's sha256; `expected` is that or git's sha1. Raises WrongDigest or OSError."""
    found = file_sha256(path)
    if expected != (found if len(expected) == 64 else git_blob(path)):
        raise WrongDigest(
            f"{path.name} is not the file that was pinned: sha256 {found}, expected {expected}."
        )
    return found


def require_download(path: Path, expected: str) -> str:
    """Do the same for a file that was downloaded: a wrong one is deleted."""
    try:
        return require_digest(path, expected)
    except WrongDigest as error:
        path.unlink()
        error.hint = "It was deleted; try again, and if that repeats, do not trust the source."
        raise
