"""The handlers, called as Lambda calls them. Each function answers for its own task."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from lambda_events import event

from functions import catalogue, sentence_similarity, text_classification, text_embeddings

RUN = "/client/v4/accounts/me/ai/run"
HAPPY = {"source": "That is a happy person", "sentences": ["That is a happy dog"]}


def call(function: Any, *arguments: Any, **options: Any) -> tuple[int, dict[str, str], Any]:
    answer = function.handler(event(*arguments, **options), None)
    headers = answer.get("headers") or {}
    return answer["statusCode"], headers, json.loads(answer["body"])


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("encoded", [False, True])
def test_a_handler_answers_both_kinds_of_events(version: str, encoded: bool) -> None:
    path = f"{RUN}/@hf/sentence-transformers/all-minilm-l6-v2"
    status, _, body = call(text_embeddings, version, path, {"text": "h\u00e9llo"}, encoded=encoded)
    assert status == 200
    assert body["result"]["shape"] == [1, 384]


def test_an_encoded_model_name_reaches_the_model() -> None:
    path = f"{RUN}/@hf%2Fsentence-transformers%2Fall-minilm-l6-v2"
    assert call(sentence_similarity, "2.0", path, HAPPY)[0] == 200


def test_each_function_answers_for_its_task() -> None:
    path = f"{RUN}/all-minilm-l6-v2"
    status, headers, body = call(sentence_similarity, "2.0", path, HAPPY)
    assert (status, len(body["result"])) == (200, 1)
    assert headers["textfn-model"].startswith("all-minilm-l6-v2@")
    assert call(sentence_similarity, "2.0", path, {"text": "a"})[2]["result"]["shape"] == [1, 384]
    status, _, body = call(text_classification, "2.0", f"{RUN}/tiny-sentiment", {"text": "great"})
    assert (status, len(body["result"])) == (200, 2)
    status, _, body = call(text_classification, "2.0", path, {"text": "great"})
    assert (status, body["errors"][0]["code"]) == (400, 5007)
    status, _, body = call(
        text_embeddings, "2.0", "/models/all-minilm-l6-v2", {"inputs": ["hello"]}
    )
    assert (status, len(body[0])) == (200, 384)


def test_each_function_answers_in_the_dialects_of_its_task() -> None:
    tokens = call(text_embeddings, "2.0", "/tokenize", {"inputs": "hello"})
    assert (tokens[0], len(tokens[2][0])) == (200, 3)
    gateway = call(text_embeddings, "2.0", "/v1/me/mine/workers-ai/all-minilm-l6-v2", {"text": "a"})
    assert gateway[2]["result"]["shape"] == [1, 384]
    openai = "/v1/me/mine/workers-ai/v1/embeddings"
    body = {"model": "all-minilm-l6-v2", "input": "a"}
    assert call(text_embeddings, "2.0", openai, body)[2]["object"] == "list"
    assert call(sentence_similarity, "2.0", openai, body)[2]["object"] == "list"
    status, headers, _ = call(text_embeddings, "2.0", "/embed", {"inputs": "a new text"})
    assert (status, headers["x-compute-type"]) == (200, "cpu")
    again = call(text_embeddings, "2.0", "/embed", {"inputs": "a new text"})
    assert again[1]["x-compute-type"] == "cache"


def test_an_unknown_path_ends_at_the_catalogue() -> None:
    status, headers, body = call(catalogue, "2.0", "/client/v4/nowhere", {})
    assert (status, body["errors"][0]["code"]) == (404, 7003)
    assert headers["content-type"] == "application/json"


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: os.environ[name] for name in ("PATH", "COVERAGE_PROCESS_CONFIG") if name in os.environ
    }
    return subprocess.run(
        [sys.executable, "-c", code], env=inherited | environment, capture_output=True, text=True
    )


def test_on_lambda_nothing_starts_without_a_token_and_the_init_error_says_why() -> None:
    on_lambda = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
    refused = run("import functions.catalogue", **on_lambda)
    assert refused.returncode != 0
    assert "TEXTFN_TOKENS" in refused.stderr
    assert run("import functions.catalogue", TEXTFN_AUTH="none", **on_lambda).returncode == 0
    assert run("import functions.catalogue", TEXTFN_TOKENS="ab" * 32, **on_lambda).returncode == 0


def test_on_lambda_a_request_is_computed_without_a_pool_of_threads() -> None:
    code = f"""
import json, sys, threading
sys.path.insert(0, {os.path.dirname(__file__)!r})
from lambda_events import event
from functions import text_embeddings
answer = text_embeddings.handler(event("2.0", "{RUN}/all-minilm-l6-v2", {{"text": "hello"}}), None)
print(answer["statusCode"], threading.active_count())
"""
    done = run(
        code,
        AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE="1769",
        TEXTFN_AUTH="none",
    )
    assert done.stdout.split() == ["200", "1"], done.stderr
