"""Each bundle under AWS's runtime client, in a folder that cannot be written."""

import json
import subprocess
import time
from typing import Any

import pytest
from conftest import NAMES, Bundle, Bundles
from events import KINDS, ODD, RUN, event
from function import Function, sandboxed
from runtime_api import Outcome

EMBEDDINGS, SIMILARITY, CLASSIFICATION, CATALOGUE = NAMES
MINILM = "@hf/sentence-transformers/all-minilm-l6-v2"
HAPPY = {"source": "That is a happy person", "sentences": ["That is a happy dog"]}


def answered(outcome: Outcome) -> tuple[int, Any]:
    assert outcome.kind == "response", outcome.body
    return outcome.body["statusCode"], json.loads(outcome.body["body"])


def test_the_functions_folder_and_all_others_cannot_be_written(bundles: Bundles) -> None:
    for folder in (bundles[CATALOGUE].folder, "/tmp", "/var/tmp", "/"):
        done = subprocess.run(sandboxed(["touch", f"{folder}/written"]), capture_output=True)
        assert done.returncode, folder
    listed = subprocess.run(sandboxed(["ls", "/sys"]), capture_output=True)
    assert (listed.returncode, listed.stdout) == (0, b"")


@pytest.fixture(scope="module")
def function(bundle: Bundle) -> Any:
    with bundle.running() as function:
        function.wait_until_ready()
        yield bundle.name, function
        assert function.process.poll() is None
        assert function.stderr == ""


REQUESTS = {
    EMBEDDINGS: (f"{RUN}/{MINILM}", {"text": ["a", "b"]}),
    SIMILARITY: (f"{RUN}/{MINILM}", HAPPY),
    CLASSIFICATION: (f"{RUN}/@cf/huggingface/distilbert-sst-2-int8", {"text": "wonderful"}),
    CATALOGUE: ("/client/v4/nowhere", {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_function_answers_every_kind_of_gateway(function: Any, kind: str) -> None:
    name, running = function
    status, body = answered(running.invoke(event(kind, *REQUESTS[name])))
    if name == CATALOGUE:
        assert (status, body["errors"][0]["code"]) == (404, 7003)
        return
    assert status == 200
    result = body["result"]
    if name == EMBEDDINGS:
        assert result["shape"] == [2, 384]
        assert len(result["data"]) == 2
    elif name == SIMILARITY:
        # Published by Hugging Face for these two sentences; int8 stays within 0.02.
        assert abs(result[0] - 0.69457736) < 0.02
    else:
        assert result[0]["label"] == "POSITIVE"
        assert result[0]["score"] > 0.9


def test_a_function_refuses_who_has_no_token(function: Any) -> None:
    name, running = function
    refused = event("HTTP API", *REQUESTS[name], authorization="Bearer wrong")
    assert answered(running.invoke(refused))[0] == 401


def test_the_catalogue_lists_what_the_other_functions_serve(bundles: Bundles) -> None:
    served = "all-minilm-l6-v2,minilm-l6-sst2-int8"
    with bundles[CATALOGUE].running(TEXTFN_SERVED=served) as running:
        asked = event("HTTP API", "/client/v4/accounts/me/ai/models/search", None)
        asked["requestContext"]["http"]["method"] = "GET"
        status, body = answered(running.invoke(asked))
    assert status == 200
    names = [model["name"] for model in body["result"]]
    assert names == [MINILM, "minilm-l6-sst2-int8"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name",
    [
        MINILM,
        MINILM.replace("@", "%40"),
        MINILM.replace("/", "%2F"),
        "%40hf%2Fsentence-transformers%2Fall-minilm-l6-v2",
        "%2540hf%252Fsentence-transformers%252Fall-minilm-l6-v2",
    ],
)
def test_a_models_name_may_be_encoded(embeddings: Function, kind: str, name: str) -> None:
    assert answered(embeddings.invoke(event(kind, f"{RUN}/{name}", {"text": "a"})))[0] == 200


def test_a_model_that_is_not_in_the_bundle_is_told_from_one_that_is_unknown(
    embeddings: Function,
) -> None:
    path = f"{RUN}/@cf/baai/bge-base-en-v1.5"
    status, body = answered(embeddings.invoke(event("HTTP API", path, {"text": "a"})))
    assert (status, body["errors"][0]["code"]) == (400, 5007)
    assert "textfn models pull bge-base-en-v1.5" in json.dumps(body)
    status, body = answered(embeddings.invoke(event("HTTP API", f"{RUN}/no", {"text": "a"})))
    assert "not installed" not in json.dumps(body)


def test_without_a_token_the_start_fails_and_names_the_setting(bundle: Bundle) -> None:
    with bundle.running(TEXTFN_TOKENS=None) as function:
        outcome = function.outcome()
    assert outcome.kind == "init/error"
    assert outcome.body["errorType"] == "NotProtected"
    assert "TEXTFN_TOKENS" in outcome.body["errorMessage"]


def test_a_wrong_setting_stops_the_start_and_is_named(bundle: Bundle) -> None:
    with bundle.running(TEXTFN_MAX_TEXTS="many") as function:
        outcome = function.outcome()
    assert outcome.kind == "init/error"
    assert "TEXTFN_MAX_TEXTS" in outcome.body["errorMessage"]


@pytest.mark.parametrize("name", ODD)
def test_any_event_is_answered_and_the_next_one_too(embeddings: Function, name: str) -> None:
    outcome = embeddings.invoke(ODD[name])
    again = embeddings.invoke(event("HTTP API", f"{RUN}/{MINILM}", {"text": "a"}))
    assert answered(again)[0] == 200
    assert outcome.kind == "response"
    assert isinstance(outcome.body["statusCode"], int)


def long_texts(count: int) -> list[str]:
    return [f"{number} " + "word " * 250 for number in range(count)]


def test_a_request_past_the_limit_of_time_is_a_timeout(bundles: Bundles) -> None:
    asked = event("HTTP API", "/embed", {"inputs": long_texts(1000)})
    with bundles[EMBEDDINGS].running(TEXTFN_DEADLINE_SECONDS="1") as function:
        assert answered(function.invoke(asked))[0] == 408


def test_a_request_past_the_functions_own_deadline_is_a_timeout(embeddings: Function) -> None:
    asked = event("HTTP API", "/embed", {"inputs": long_texts(1000)})
    start = time.monotonic()
    assert answered(embeddings.invoke(asked, seconds=5))[0] == 408
    assert time.monotonic() - start < 5  # or AWS would have ended it


def test_an_answer_that_aws_would_refuse_is_refused_in_the_callers_dialect(
    bundles: Bundles,
) -> None:
    texts = [f"text {number}" for number in range(2048)]
    path, body = "/v1/embeddings", {"model": "all-minilm-l6-v2", "input": texts}
    with bundles[EMBEDDINGS].running() as function:
        status, refused = answered(function.invoke(event("HTTP API", path, body)))
        assert status == 413
        assert refused["error"]["message"]
        body["input"] = texts[:100]
        assert answered(function.invoke(event("HTTP API", path, body)))[0] == 200
