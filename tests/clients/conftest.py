"""Clients against a server that tests/clients/run.py has started."""

import json
import os
import urllib.request

import pytest

MINILM = "@hf/sentence-transformers/all-minilm-l6-v2"
STORIES = ["This is a story about an orange cloud", "This is a story about a llama"]


@pytest.fixture(scope="session")
def url() -> str:
    return os.environ["TEXTFN_URL"]


@pytest.fixture(scope="session")
def vectors(url: str) -> list[list[float]]:
    """The vectors of STORIES as plain HTTP gives them: every client must give the same numbers."""
    path = f"{url}/client/v4/accounts/me/ai/run/{MINILM}"
    body = json.dumps({"text": STORIES}).encode()
    with urllib.request.urlopen(path, body) as answer:
        found: list[list[float]] = json.load(answer)["result"]["data"]
        return found
