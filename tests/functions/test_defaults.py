"""The models that answer where a request names none: TEXTFN_DEFAULT_EMBEDDER and ..._CLASSIFIER."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from running import serving

CHOSEN = {
    "TEXTFN_DEFAULT_EMBEDDER": "@test/tiny-embedder",
    "TEXTFN_DEFAULT_CLASSIFIER": "tiny-sentiment",
}


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with serving(**CHOSEN) as (base, _):
        yield base


def ask(url: str, body: object = None) -> tuple[str, Any]:
    """The model's name in the header, and the answer."""
    content = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, content)) as response:
        return response.headers.get("textfn-model", "").partition("@")[0], json.load(response)


def test_a_request_that_names_no_model_reaches_the_chosen_one(base: str) -> None:
    pair = {"source_sentence": "a", "sentences": ["b"]}
    model, vectors = ask(f"{base}/embed", {"inputs": "hello"})
    assert (model, np.shape(vectors)) == ("tiny-embedder", (1, 16))
    for path in ("/v1/embeddings", "/embeddings"):
        model, answer = ask(f"{base}{path}", {"input": "hello"})
        assert (model, answer["model"]) == ("tiny-embedder", "tiny-embedder")
    assert ask(f"{base}/similarity", {"inputs": pair})[0] == "tiny-embedder"
    assert ask(f"{base}/predict", {"inputs": "hello"})[0] == "tiny-sentiment"
    assert ask(f"{base}/info")[1]["model_id"] == "tiny-embedder"


def test_a_request_that_names_a_model_reaches_that_one(base: str) -> None:
    for path in ("/embed?model=all-minilm-l6-v2", "/models/sentence-transformers/all-MiniLM-L6-v2"):
        assert ask(f"{base}{path}", {"inputs": "hello"})[0] == "all-minilm-l6-v2"


def textfn(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "textfn", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)


def test_the_command_line_uses_the_chosen_models() -> None:
    (line,) = textfn("embed", "hello", **CHOSEN).stdout.splitlines()
    assert len(json.loads(line)["embedding"]) == 16


@pytest.mark.parametrize(("setting", "name"), [
    ("TEXTFN_DEFAULT_EMBEDDER", "tiny-sentiment"),
    ("TEXTFN_DEFAULT_EMBEDDER", "bge-base-en-v1.5"),
    ("TEXTFN_DEFAULT_CLASSIFIER", "unheard-of"),
])  # fmt: skip
def test_a_default_that_cannot_answer_stops_the_start(setting: str, name: str) -> None:
    done = textfn("serve", "--port", "0", **{setting: name})
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{setting} is {name!r}, which is not installed or no model for" in done.stderr
    assert "Set it to one of: " in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_model_can_be_pulled_while_the_default_is_not_installed_yet() -> None:
    """Only what answers requests needs the default."""
    done = textfn("models", "list", TEXTFN_DEFAULT_EMBEDDER="bge-base-en-v1.5")
    assert done.returncode == 0, done.stderr
