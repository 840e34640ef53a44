"""Run `textfn doctor` in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

States = dict[str, str]


def doctor(*arguments: str | Path, **environment: str) -> tuple[int, States, str]:
    """Return the exit code, the worst state of each check by its name, and the output."""
    done = subprocess.run(
        [sys.executable, "-m", "textfn", "doctor", "--json", *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return (
        done.returncode,
        {each["name"]: each["state"] for each in json.loads(done.stdout)},
        (done.stdout),
    )
