"""`textfn bundle` as a person runs it; tests/lambda runs whole bundles."""

import subprocess
import sys

import pytest

from textfn.__main__ import main
from textfn.bundling.wheels import ROOT


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nothing"], "nothing is no bundle"),
        (["text-embeddings"], "text-embeddings is no bundle"),
        (["local=all-minilm-l6-v2"], "not for local"),
        (["text-embeddings=minilm-l6-sst2-int8"], "is for text-classification"),
        (["text-embeddings=bge-base-en-v1.5"], "textfn models pull bge-base-en-v1.5"),
        (["text-embeddings=unheard-of"], "served here: "),
        (["--folder", "anywhere"], "--folder takes one function"),
    ],
)
def test_a_wrong_request_says_what_is_right(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bundle", *arguments]) == 1
    assert reason in capsys.readouterr().err


def test_bundling_needs_nothing_installed() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import textfn.commands.bundle"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code, str(ROOT)], capture_output=True)
    assert done.returncode == 0, done.stderr
