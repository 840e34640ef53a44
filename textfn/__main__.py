"""The command line of textfn."""

import argparse
import os
import sys
from collections.abc import Sequence

from textfn.failure import Failure, report
from textfn.words import parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. Every error that a person can cause is one line."""
    _open_closed_streams()
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["help"] and "--help" not in given:
        given = [*given[1:], "--help"]
    options = argparse.Namespace(prog="textfn", stopped="stopped")
    try:
        parser().parse_args(given, options)
        code: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        _drop_output()
        return 1
    except (Failure, OSError, ModuleNotFoundError, MemoryError, KeyboardInterrupt) as error:
        _drop_output()
        return report(error, options.prog, options.stopped)
    return code


def _open_closed_streams() -> None:
    """Replace the streams that a daemon has closed (`<&-`); Python has None in their place."""
    sys.stdin = sys.stdin or open(os.devnull)
    sys.stdout = sys.stdout or open(os.devnull, "w")
    sys.stderr = sys.stderr or open(os.devnull, "w")


def _drop_output() -> None:
    """Drop output that cannot be written: Python would try again at exit, and fail."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
