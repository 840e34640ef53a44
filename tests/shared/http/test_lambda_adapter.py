"""The handlers, called as Lambda calls them. Each function answers for its own task."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from conftest import TESTS
from hypothesis import given, settings
from hypothesis import strategies as st
from lambda_events import event

from functions import catalogue, sentence_similarity, text_classification, text_embeddings
from shared.http.lambda_adapter import start
from shared.inference.model import Model
from shared.names import Catalogue

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


def restarted(monkeypatch: pytest.MonkeyPatch, **environment: str) -> None:
    """The catalogue's function in another environment, for one test."""
    call(catalogue, "2.0", "/nowhere", {})  # it has a service that can be put back
    monkeypatch.setitem(catalogue.app.state._state, "service", catalogue.app.state.service)
    start(catalogue.app, Catalogue.read, os.environ | environment)


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
sys.path.insert(0, {str(TESTS)!r})
from lambda_events import event
from functions import text_embeddings
answer = text_embeddings.handler(event("2.0", "{RUN}/all-minilm-l6-v2", {{"text": "hello"}}), None)
print(answer["statusCode"], threading.active_count(), file=sys.stderr)
"""
    done = run(
        code,
        AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE="1769",
        TEXTFN_AUTH="none",
    )
    assert done.stderr.split() == ["200", "1"]


def load_balancer(path: str, body: object) -> dict[str, Any]:
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu:1:x"}},
        "httpMethod": "POST",
        "path": path,
        "queryStringParameters": {},
        "headers": {"host": "example.com", "x-forwarded-for": "192.0.2.1"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


def test_a_load_balancers_event_is_answered() -> None:
    made = load_balancer(f"{RUN}/@hf%2Fsentence-transformers%2Fall-minilm-l6-v2", {"text": "a"})
    assert text_embeddings.handler(made, None)["statusCode"] == 200


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_stage_in_front_of_the_path_is_left_out(version: str) -> None:
    made = event(version, "/prod/embed", {"inputs": "a"})
    made["requestContext"]["stage"] = "prod"
    assert text_embeddings.handler(made, None)["statusCode"] == 200


def test_a_stage_named_like_a_path_cuts_nothing_off_a_rest_apis_path() -> None:
    made = event("1.0", "/v1/embeddings", {"model": "all-minilm-l6-v2", "input": "a"})
    made["requestContext"] |= {"stage": "v1", "path": "/v1/v1/embeddings"}
    assert text_embeddings.handler(made, None)["statusCode"] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "[::1]:3000"},
        {"Host": "a:b"},
        {"host": "x:"},
        {"host": "x", "x-forwarded-port": "443,80"},
        {},
        None,
    ],
    ids=str,
)
def test_headers_that_stop_the_adapter_stop_no_request(headers: dict[str, str] | None) -> None:
    made = event("2.0", "/embed", {"inputs": "a"}) | {"headers": headers}
    assert text_embeddings.handler(made, None)["statusCode"] == 200


@pytest.mark.parametrize(
    "change",
    [
        {"body": "abc", "isBase64Encoded": True},
        {"body": '{"text": "\ud800"}'},
        {"body": 5},
        {"headers": {"authorization": "Bearer \udcff"}},
        {"headers": {"x": 5}},
        {"headers": ["x"]},
        {"rawQueryString": 5},
        {"requestContext": {}},
        {"requestContext": {"http": {}}},
        {"requestContext": {"http": {"method": ["POST"], "path": "/embed", "sourceIp": "x"}}},
    ],
    ids=ascii,
)
def test_a_broken_request_is_refused_in_its_dialect(change: dict[str, Any]) -> None:
    path = f"{RUN}/all-minilm-l6-v2"
    answer = text_embeddings.handler(event("2.0", path, {"text": "a"}) | change, None)
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["success"] is False


def test_an_event_that_is_no_request_is_answered() -> None:
    scheduled = {"source": "aws.events", "detail-type": "Scheduled Event"}
    assert text_embeddings.handler(scheduled, None)["body"] == '{"ok": true}'
    for other in ({}, {"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}, [], None, "x", 5):
        answer = text_embeddings.handler(other, None)
        assert (answer["statusCode"], "API Gateway" in answer["body"]) == (400, True)


# Fields that the adapter reads, with values of any type, so that it goes as deep as it can.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=5,
)
PLAIN = st.sampled_from(["POST", "GET", "/embed", "2.0", "1.0", "$default", "prod", "{}"]) | JSON
HEADERS = st.dictionaries(st.sampled_from(["host", "Authorization", "x"]), PLAIN) | JSON
CONTEXT = st.fixed_dictionaries(
    {},
    optional={
        "http": st.fixed_dictionaries({"method": PLAIN, "path": PLAIN, "sourceIp": PLAIN}) | JSON,
        "elb": JSON,
        "identity": JSON,
        "stage": PLAIN,
        "path": PLAIN,
    },
)
FIELDS = {
    "version": PLAIN,
    "resource": JSON,
    "requestContext": CONTEXT | JSON,
    "headers": HEADERS,
    "multiValueHeaders": HEADERS,
    "rawPath": PLAIN,
    "path": PLAIN,
    "httpMethod": PLAIN,
    "rawQueryString": PLAIN,
    "queryStringParameters": JSON,
    "cookies": JSON,
    "body": PLAIN,
    "isBase64Encoded": JSON,
    "Records": JSON,
}


@settings(max_examples=500, deadline=None)
@given(st.fixed_dictionaries({}, optional=FIELDS) | JSON)
def test_any_event_has_a_well_formed_answer(any_event: Any) -> None:
    answer = catalogue.handler(any_event, None)
    assert 200 <= answer["statusCode"] < 500
    assert isinstance(answer["body"], str)
    json.dumps(answer)


class Context:
    """Lambda's, with so many milliseconds left."""

    aws_request_id = "of-lambda"

    def __init__(self, milliseconds: int) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def test_a_request_ends_before_lambda_ends_it() -> None:
    asked = event("2.0", f"{RUN}/all-minilm-l6-v2", {"text": "a text of this test"})
    assert text_embeddings.handler(asked, Context(5000))["statusCode"] == 200
    asked = event("2.0", f"{RUN}/all-minilm-l6-v2", {"text": "another text of this test"})
    answer = text_embeddings.handler(asked, Context(900))
    assert (answer["statusCode"], json.loads(answer["body"])["errors"][0]["code"]) == (408, 3007)


def test_an_answer_too_large_for_lambda_is_refused_before_it_is_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Model, "embed", None)  # it would be called
    status, _, body = call(text_embeddings, "2.0", "/embed", {"inputs": ["a"] * 2048})
    assert (status, body["error_type"]) == (413, "Validation")
    most = int(re.search(r"at most (\d+)", body["error"])[1])
    monkeypatch.undo()
    texts = [f"text {number} of many" for number in range(most)]
    answer = text_embeddings.handler(event("2.0", "/embed", {"inputs": texts}), None)
    assert 4_000_000 < len(json.dumps(answer)) < 6_291_556


def test_the_line_of_a_request_tells_its_cost_and_nothing_of_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1")
    asked = event("2.0", f"{RUN}/all-minilm-l6-v2", {"text": "a canary text"})
    asked["rawQueryString"] = "token=canary"
    asked["headers"] |= {"authorization": "Bearer canary", "x-request-id": "mine"}
    text_embeddings.handler(asked, Context(5000))
    line = json.loads(printed := capsys.readouterr().out)
    assert "canary" not in printed
    assert (line["request_id"], line["lambda_request_id"]) == ("mine", "of-lambda")
    assert line["trace_id"] == "1-5bef4de7-ad49b0e87f6ef6c87fc2e700"
    assert line["route"] == "/client/v4/accounts/{account}/ai/run/{model:path}"
    assert (line["status"], line["Tokens"], line["ServerErrors"]) == (200, 5, 0)
    assert line["model"].startswith("all-minilm-l6-v2@")
    assert 0 < line["infer_ms"] < line["Duration"]
    directive = line["_aws"]["CloudWatchMetrics"][0]
    named = [*directive["Dimensions"][0], *(each["Name"] for each in directive["Metrics"])]
    assert set(named) <= set(line)


def test_the_first_request_of_an_environment_is_told_from_the_next(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call(catalogue, "2.0", "/nowhere", {})
    catalogue.app.state.service.host.restored()
    capsys.readouterr()
    for _ in range(2):
        call(catalogue, "2.0", "/nowhere", {})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["ColdStart"] for line in lines] == [1, 0]
    assert [line["route"] for line in lines] == ["none", "none"]


def test_metrics_can_be_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    restarted(monkeypatch, TEXTFN_METRICS="off")
    capsys.readouterr()
    call(catalogue, "2.0", "/nowhere", {})
    assert "_aws" not in json.loads(capsys.readouterr().out)


def test_an_unforeseen_error_is_logged_by_its_place_and_not_its_message(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("about a canary text")

    monkeypatch.setattr(Model, "embed", fail)
    assert call(text_embeddings, "2.0", "/embed", {"inputs": "canary"})[0] == 424
    assert "RuntimeError at" in caplog.text
    assert "compute" in caplog.text
    assert "canary" not in caplog.text


SERVED = ("all-minilm-l6-v2", "minilm-l6-sst2-int8")


@pytest.mark.parametrize(
    ("path", "location"),
    [
        (f"{RUN}/@hf%2Fsentence-transformers%2Fall-minilm-l6-v2", f"{RUN}/all-minilm-l6-v2"),
        (f"{RUN}/@cf/huggingface/distilbert-sst-2-int8", f"{RUN}/distilbert-sst-2-int8"),
        ("/models/sentence-transformers/all-MiniLM-L6-v2", "/models/all-minilm-l6-v2"),
        (
            "/pipeline/feature-extraction/sentence-transformers/all-MiniLM-L6-v2",
            "/pipeline/feature-extraction/all-minilm-l6-v2",
        ),
        ("/v1/me/mine/workers-ai/all-MiniLM-L6-v2", "/v1/me/mine/workers-ai/all-minilm-l6-v2"),
        (
            "/v1/a b/m\r\n/workers-ai/all-MiniLM-L6-v2",
            "/v1/a%20b/m%0D%0A/workers-ai/all-minilm-l6-v2",
        ),
        ("/models/all-minilm-l6-v2/", "/models/all-minilm-l6-v2"),
        ("/embed/", "/embed"),
        ("//embed/", "/embed"),
        ("/models//all-minilm-l6-v2", "/models/all-minilm-l6-v2"),
        ("/v1/a b/m/compat/embeddings//", "/v1/a%20b/m/compat/embeddings"),
    ],
)
def test_a_name_that_the_gateway_did_not_match_is_sent_to_the_one_it_does(
    path: str, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    restarted(monkeypatch, TEXTFN_SERVED=",".join(SERVED))
    answer = catalogue.handler(event("2.0", path, {}), None)
    assert (answer["statusCode"], answer["headers"]["location"]) == (308, location)


@pytest.mark.parametrize("name", ["all-minilm-l6-v2", "mfaq", "nobody/nothing"])
def test_a_model_that_no_function_serves_is_sent_nowhere(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    restarted(monkeypatch, TEXTFN_SERVED=",".join(SERVED))
    status, _, body = call(catalogue, "2.0", f"{RUN}/{name}", {})
    assert (status, body["errors"][0]["code"]) == (400, 5007)


@pytest.mark.parametrize("path", ["/embed", "/v1/embeddings", "//example.com/"])
def test_a_path_that_ends_in_no_slash_or_is_unknown_is_sent_nowhere(path: str) -> None:
    assert call(catalogue, "2.0", path, {})[0] == 404


def test_the_catalogue_lists_what_the_other_functions_serve(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    restarted(monkeypatch, TEXTFN_SERVED="mfaq")
    asked = event("2.0", "/v1/models", {})
    asked["requestContext"]["http"]["method"] = "GET"
    assert '"mfaq"' in catalogue.handler(asked, None)["body"]


SNAPSHOTS = """
import os, sys, types
snapshots = types.ModuleType("snapshot_restore_py")
hooks = []
snapshots.register_after_restore = hooks.append
sys.modules["snapshot_restore_py"] = snapshots
from functions import text_embeddings
host = text_embeddings.app.state.service.host
host._is_cold = False
for hook in hooks:
    hook()
print(len(hooks), host._is_cold)
"""


def test_the_hooks_of_a_snapshot_are_registered_and_run() -> None:
    done = run(SNAPSHOTS, AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001", TEXTFN_AUTH="none")
    assert done.stdout.split() == ["2", "True"], done.stderr


def test_a_runtime_without_snapshots_starts_as_well() -> None:
    code = "import sys; sys.modules['snapshot_restore_py'] = None; import functions.catalogue"
    done = run(code, AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001", TEXTFN_AUTH="none")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unreadable_parameter_of_tokens_is_an_init_error_that_says_why() -> None:
    done = run(
        "import functions.catalogue",
        AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001",
        TEXTFN_TOKENS_PARAMETER="/textfn/tokens",
    )
    assert done.returncode != 0
    assert "TEXTFN_TOKENS_PARAMETER='/textfn/tokens' cannot be read" in done.stderr


def test_a_function_that_another_one_imports_opens_no_model_of_its_own() -> None:
    code = "from functions import sentence_similarity as s, text_embeddings as e; "
    code += "print(hasattr(s.app.state, 'service'), hasattr(e.app.state, 'service'))"
    done = run(
        code,
        AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001",
        TEXTFN_AUTH="none",
        _HANDLER="functions.sentence_similarity.handler",
    )
    assert done.stdout.split() == ["True", "False"], done.stderr
