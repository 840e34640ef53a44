"""`textfn doctor` as a person runs it, on this installation and on bundles."""

import subprocess
import sys

from textfn.bundling.wheels import Target

HERE = Target(".".join(map(str, sys.version_info[:2])), "x86_64")


def test_each_line_tells_a_state_and_a_remedy() -> None:
    command = [sys.executable, "-m", "textfn", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    assert "warn  tokens: none: it serves on loopback alone" in done.stdout
    assert "\n      Set TEXTFN_TOKENS" in done.stdout
