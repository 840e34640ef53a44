"""`textfn doctor` as a person runs it, on this installation and on bundles."""

import os
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


def test_a_default_model_that_cannot_answer_is_named() -> None:
    command = [sys.executable, "-m", "textfn", "doctor"]
    environment = os.environ | {"TEXTFN_DEFAULT_CLASSIFIER": "all-minilm-l6-v2"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert "TEXTFN_DEFAULT_CLASSIFIER is 'all-minilm-l6-v2', which is not installed" in done.stdout
    assert "no model for text-classification" in done.stdout
