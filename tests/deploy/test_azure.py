"""The folder for Azure Functions, driven by the azure-functions package as Azure's worker does."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import TESTS

TOKEN = "a token of the tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
CLOSED = {"TEXTFN_TOKENS": sha256(TOKEN.encode()).hexdigest()}
RUN = "/client/v4/accounts/me/ai/run"

# Loads the app like the worker: finds its functions, awaits one for every request, in one loop.
WORKER = """
import asyncio, json, sys
sys.path.insert(0, ".")
from azure.functions import HttpRequest
import function_app, functions

async def answers(requests):
    (function,) = function_app.app.get_functions()
    yield {**function.get_trigger().get_dict_repr(), "code": functions.__file__}
    for path, body, headers in requests:
        request = HttpRequest(
            method="GET" if body is None else "POST", url="https://textfn.example" + path,
            headers=headers, params={}, route_params={}, body=(body or "").encode())
        got = await function.get_user_function()(request, None)
        yield [got.status_code, dict(got.headers), got.get_body().decode()]

async def main():
    print(json.dumps([each async for each in answers(json.load(sys.stdin))], default=str))

asyncio.run(main())
"""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make azure` writes."""
    dist = tmp_path_factory.mktemp("dist")
    subprocess.run(["make", "-s", "azure", f"DIST={dist}"], cwd=TESTS.parent, check=True)
    return dist / "azure"


def worker(folder: Path, requests: list[Any], **settings: str) -> subprocess.CompletedProcess[str]:
    inherited = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", WORKER],
        cwd=folder,
        env=inherited | settings,
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        timeout=60,
    )


def ask(folder: Path, *requests: tuple[str, object, dict[str, str]]) -> tuple[Any, list[Answer]]:
    """The trigger, and the answers to requests of path, body and headers."""
    encoded = [(path, body and json.dumps(body), headers) for path, body, headers in requests]
    done = worker(folder, encoded, **CLOSED)
    assert done.returncode == 0, done.stderr
    trigger, *answers = json.loads(done.stdout)
    return trigger, [Answer(*each) for each in answers]


def test_the_tasks_are_answered_at_every_spelling_of_a_path(folder: Path) -> None:
    happy = {"source": "a happy person", "sentences": ["a happy dog", "a sunny day"]}
    texts = {"text": ["caf\u00e9", "llama"]}
    _, (raw, encoded, similarity, sentiment, hugging_face, openai, page) = ask(
        folder,
        (f"{RUN}/@hf/sentence-transformers/all-minilm-l6-v2", texts, BEARER),
        (f"{RUN}/%40hf%2Fsentence-transformers%2Fall-minilm-l6-v2", texts, BEARER),
        (f"{RUN}/all-minilm-l6-v2", happy, BEARER),
        (f"{RUN}/@cf/huggingface/distilbert-sst-2-int8", {"text": "Great pizza!"}, BEARER),
        ("/models/sentence-transformers/all-MiniLM-L6-v2", {"inputs": "a"}, BEARER),
        ("/v1/embeddings", {"model": "all-minilm-l6-v2", "input": "a"}, BEARER),
        ("/", None, {}),
    )
    assert raw.json["result"]["shape"] == [2, 384]
    assert encoded.json == raw.json
    assert raw.headers["textfn-model"].startswith("all-minilm-l6-v2@")
    first, second = similarity.json["result"]
    assert 1 > first > second
    assert sentiment.json["result"][0]["label"] == "POSITIVE"
    assert len(hugging_face.json) == len(openai.json["data"][0]["embedding"]) == 384
    assert (page.status, page.headers["content-type"][:9]) == (200, "text/html")


def test_an_error_is_in_the_callers_dialect(folder: Path) -> None:
    _, (cloudflare, hugging_face, missing, wrong, key) = ask(
        folder,
        (f"{RUN}/all-minilm-l6-v2", {"txt": "a"}, BEARER),
        ("/models/nothing", {"inputs": "a"}, BEARER),
        (f"{RUN}/all-minilm-l6-v2", {"text": "a"}, {}),
        (f"{RUN}/all-minilm-l6-v2", {"text": "a"}, {"Authorization": "Bearer wrong"}),
        ("/v1/embeddings?code=azure", {"input": "a"}, {"x-functions-key": "azure"}),
    )
    assert (cloudflare.status, cloudflare.json["success"]) == (400, False)
    assert hugging_face.status == 404 and "nothing" in hugging_face.json["error"]
    assert (missing.status, missing.json["errors"][0]["code"]) == (400, 9106)
    assert (wrong.status, wrong.json["errors"][0]["code"]) == (401, 10000)
    assert wrong.headers["www-authenticate"] == "Bearer"
    assert key.status == 401  # a key of Azure's is no token of ours


def test_one_function_answers_every_path_and_asks_for_no_key(folder: Path) -> None:
    trigger, _ = ask(folder)
    assert (trigger["route"], trigger["authLevel"]) == ("/{*route}", "ANONYMOUS")
    assert {"GET", "POST", "OPTIONS"} <= set(trigger["methods"])
    assert trigger["code"] == str(folder / "functions" / "__init__.py")  # not the repository's
    host = json.loads((folder / "host.json").read_text())
    assert host["extensions"]["http"]["routePrefix"] == ""  # else all paths begin with /api


def test_nothing_starts_without_a_token(folder: Path) -> None:
    refused = worker(folder, [])
    assert refused.returncode != 0 and "TEXTFN_TOKENS" in refused.stderr
    assert worker(folder, [], TEXTFN_AUTH="none").returncode == 0


def test_what_the_app_imports_is_pinned_for_azure(folder: Path) -> None:
    wanted = (folder / "requirements.txt").read_text()
    runtime = (TESTS.parent / "requirements" / "runtime.txt").read_text()
    assert "azure-functions==" in wanted
    assert {line for line in runtime.splitlines() if "==" in line} <= set(wanted.splitlines())
