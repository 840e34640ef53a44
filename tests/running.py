"""Run `textfn serve` in a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SERVE = [sys.executable, "-m", "textfn", "serve"]


@contextmanager
def serving(
    *options: str, serve: Sequence[str] = SERVE, cwd: Path | None = None, **environment: str
) -> Iterator[tuple[str, str]]:
    """Give the base URL and the banner of a running `textfn serve`."""
    process = subprocess.Popen(
        [*serve, "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=cwd,
        env=os.environ | environment,
    )
    assert process.stdout is not None
    banner = ""
    while banner.count("curl ") < 3 or not banner.endswith("\n\n"):
        banner += process.stdout.readline()
    try:
        yield re.findall(r"http://[^/ ]+", banner)[0], banner
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
