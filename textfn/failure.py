"""Every error that a person can cause, as one line on stderr and an exit code."""

import importlib.metadata
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import Failure as Failure

OURS = ("textfn", "functions", "shared")
# In a clone: extra -> the target of make that installs it; .venv/dev installs all of them.
TARGETS = {"": ".venv/serve", "models": "models-tools"}


class WrongCommand(Failure):
    """The command line itself is wrong. `prog` is the command where that is known."""

    exit_code = 2

    def __init__(self, message: str, prog: str = "") -> None:
        super().__init__(message)
        self.prog = prog


class Stopped(Failure):
    """Ctrl-C: 128 and the number of SIGINT, as shells count."""

    exit_code = 130


@contextmanager
def exit_code(code: int, *errors: type[Failure]) -> Iterator[None]:
    """Let these errors end the command with another exit code than their own."""
    try:
        yield
    except errors as error:
        error.exit_code = code
        raise


def as_failure(error: BaseException, stopped: str = "stopped") -> Failure:
    """Return what a person reads of the error. Raises it again if it is a fault of textfn.

    `stopped` is the text for Ctrl-C.
    """
    if isinstance(error, Failure):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Stopped(stopped)
    if isinstance(error, ModuleNotFoundError) and str(error.name).split(".")[0] not in OURS:
        return missing_package(str(error.name).split(".")[0])
    if isinstance(error, OSError):
        return Failure(in_words(error))
    if isinstance(error, MemoryError):
        return Failure("the memory of this machine is full")
    raise error


def in_words(error: OSError) -> str:
    """Return the file and the reason, without an error number."""
    if not error.strerror:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def missing_package(name: str) -> Failure:
    """Name the extra of textfn that a package comes with, and the target of make in a clone."""
    extra = _extra(name)
    wanted = f"textfn[{extra}]" if extra else "textfn"
    return Failure(
        f"the package {name} is not installed. Run pip install '{wanted}', "
        f"or make {TARGETS.get(extra, '.venv/dev')} in a clone of textfn."
    )


def _extra(name: str) -> str:
    """Return the first extra that names the package, or ""."""
    try:
        requirements = importlib.metadata.requires("textfn") or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    for requirement in requirements:
        match = re.match(r"([\w.-]+).*?extra == ['\"]([\w-]+)['\"]", requirement)
        if match and re.sub(r"[-_.]+", "_", match[1]).lower() == name.lower():
            return match[2]
    return ""


def report(error: BaseException, prog: str, stopped: str = "stopped") -> int:
    """Print the error as one line that names the command, and return the exit code."""
    failure = as_failure(error, stopped)
    if isinstance(failure, WrongCommand) and failure.prog:
        prog = failure.prog
    print(f"{prog}: {one_line(failure)}", file=sys.stderr)
    return failure.exit_code


def one_line(failure: Failure) -> str:
    """Return the first line of the message, and the hint."""
    first = str(failure).strip().splitlines()[:1]
    return " ".join(filter(None, [*first, failure.hint]))
