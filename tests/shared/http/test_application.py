"""What is the same at every route: bodies, headers, ids, refusals."""

import asyncio
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import onnxruntime
import pytest
from conftest import TESTS, Server
from starlette.applications import Starlette
from starlette.routing import Mount

RUN = "/client/v4/accounts/me/ai/run/all-minilm-l6-v2"
HF = "/models/sentence-transformers/all-MiniLM-L6-v2"
HOSTILE = {
    "nothing": b"",
    "blanks": b" \r\n",
    "no JSON": b"hello",
    "half": b'{"text": "a',
    "two documents": b'{"text":"a"}{"text":"b"}',
    "NaN": b'{"text": NaN}',
    "a large number": b'{"text": 1e999}',
    "a lone surrogate": b'{"text": "\\ud800"}',
    "an encoded surrogate": b'{"text": "\xed\xa0\x80"}',
    "no UTF-8": b'{"text": "\xff"}',
    "a byte order mark": b'\xef\xbb\xbf{"text": "a"}',
    "UTF-16": '{"text": "a"}'.encode("utf-16"),
    "a deep list": b"[" * 100_000,
    "a deep object": b'{"a":' * 100_000,
    "a list": b'["a"]',
    "a string": b'"a"',
    "null": b"null",
}


@pytest.mark.parametrize("path", [RUN, HF, "/v1/embeddings"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_refused_and_the_next_is_served(
    server: Server, path: str, name: str
) -> None:
    answer = server.post(path, HOSTILE[name])
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert isinstance(answer.json, dict)
    assert server.post(RUN, {"text": "hello"}).status == 200


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain;charset=UTF-8", "image/png", ""]
)
def test_the_content_type_does_not_matter(server: Server, kind: str) -> None:
    assert server.post(RUN, {"text": "hello"}, content_type=kind).status == 200


def test_unknown_keys_are_ignored(server: Server) -> None:
    body = {"text": "hello", "options": {"rejectIfBusy": True}, "truncate_inputs": True}
    assert server.post(RUN, body).status == 200


def test_a_body_over_the_limit_is_refused_with_limit_and_remedy(server: Server) -> None:
    limit = 2_097_152
    most = b'{"text":"' + b"a" * (limit - 11) + b'"}'
    assert server.post(RUN, most).status == 200
    refused = server.post(RUN, most + b" ")
    assert (refused.status, refused.json["errors"][0]["code"]) == (413, 3006)
    assert str(limit) in refused.json["messages"][0]["message"]
    assert refused.headers["x-should-retry"] == "false"


def test_an_answer_says_which_model_made_it_and_what_it_took(server: Server) -> None:
    headers = server.post(RUN, {"text": ["hello", "hello " * 300]}).headers
    assert re.fullmatch(r"all-minilm-l6-v2@[0-9a-f]{12}", headers["textfn-model"])
    assert (headers["textfn-tokens"], headers["textfn-truncated"]) == ("259", "1")
    durations = r"tokenize;dur=[0-9.]+, infer;dur=[0-9.]+, total;dur=[0-9.]+"
    assert re.fullmatch(durations, headers["server-timing"])


def test_hugging_face_answers_have_its_headers(server: Server) -> None:
    headers = server.post(HF, {"inputs": "hello"}, x_use_cache="false").headers
    assert headers["x-compute-type"] == "cpu"
    assert re.fullmatch(r"[0-9]+\.[0-9]{3}", headers["x-compute-time"])
    assert headers["access-control-expose-headers"] == "x-compute-type, x-compute-time"


def test_a_request_id_is_made_or_kept_if_it_is_harmless(server: Server) -> None:
    made = server.get("/health").headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f-]{36}", made)
    assert server.get("/health", x_request_id="my-id-7").headers["x-request-id"] == "my-id-7"
    for hostile in ("a b", "x" * 65, "<script>", "\u00e9"):
        assert server.get("/health", x_request_id=hostile).headers["x-request-id"] != hostile


def test_an_error_has_a_request_id_as_well_and_names_it(server: Server) -> None:
    answer = server.post(RUN, {"text": 5}, x_request_id="my-id-7")
    assert answer.headers["x-request-id"] == "my-id-7"
    assert answer.json["errors"][0]["message"].endswith("(my-id-7)")


def test_another_method_is_refused_with_the_one_that_is_allowed(server: Server) -> None:
    answer = server.get(RUN)
    assert (answer.status, answer.json["errors"][0]["code"]) == (405, 10405)
    assert answer.headers["allow"] == "POST"
    assert server.get(HF).json == {
        "error": "This path does not answer the method of the request. Send POST."
    }


@pytest.mark.parametrize("path", [RUN + "/", HF + "/", "/health/"])
def test_a_trailing_slash_changes_nothing(server: Server, path: str) -> None:
    answer = (
        server.get(path) if "health" in path else server.post(path, {"text": "a", "inputs": "a"})
    )
    assert answer.status == 200


def test_an_unforeseen_error_tells_nothing_and_is_logged(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from shared.inference.model import Model

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("an inner detail")

    monkeypatch.setattr(Model, "embed", fail)
    answer = server.post(RUN, {"text": "a secret"}, x_request_id="my-id-7")
    assert answer.status == 500
    assert answer.json["errors"] == [{"code": 5000, "message": "Internal server error"}]
    assert b"inner detail" not in answer.body
    assert "unknown error in request my-id-7: RuntimeError at application.py" in caplog.text
    assert "inner detail" not in caplog.text
    assert "a secret" not in caplog.text
    monkeypatch.undo()
    assert server.post(RUN, {"text": "hello"}).status == 200


def test_too_many_requests_at_a_time_are_told_to_come_back(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.service.host, "semaphore", threading.Semaphore(0))
    answer = server.post(RUN, {"text": "hello"})
    assert (answer.status, answer.json["errors"][0]["code"]) == (429, 3040)
    assert answer.headers["retry-after"] == "1"


def test_a_request_out_of_time_is_told_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.set(monkeypatch, deadline_seconds=-1)
    answer = server.post(RUN, {"text": "hello"}, x_use_cache="false")
    assert (answer.status, answer.json["errors"][0]["code"]) == (408, 3007)
    assert answer.headers["x-should-retry"] == "false"


def test_a_long_request_does_not_hold_up_a_short_one(server: Server) -> None:
    texts = [f"{number} " + "word " * 400 for number in range(100)]
    long = threading.Thread(target=server.post, args=(RUN, {"text": texts}))
    long.start()
    finished_first = []
    while long.is_alive() and not finished_first:
        assert server.get("/health").status == 200
        finished_first.append(long.is_alive())
    long.join()
    assert finished_first == [True]


@pytest.mark.parametrize(
    ("path", "status", "fields"),
    [
        (RUN, 400, {"result", "success", "errors", "messages"}),
        ("/v1/embeddings", 400, {"error", "result", "success", "errors", "messages"}),
        ("/embed", 422, {"error", "error_type"}),
        (HF, 400, {"error"}),
        ("/client/v4/nowhere", 404, {"result", "success", "errors", "messages"}),
    ],
)
def test_errors_keep_their_dialect_under_a_prefix(
    server: Server, path: str, status: int, fields: set[str]
) -> None:
    """Mounted at /api: in an application of its user, and by the root_path of a server."""
    mounted = Starlette(routes=[Mount("/api", server.app)])
    for app, root_path in ((mounted, ""), (server.app, "/api")):
        with ThreadPoolExecutor(1) as thread:  # Mangum needs the loop of this one
            sent = thread.submit(asyncio.run, asked(app, f"/api{path}", root_path)).result()
        assert (sent[0]["status"], set(json.loads(sent[1]["body"]))) == (status, fields)


async def asked(app: Any, path: str, root_path: str) -> list[Any]:
    """What an ASGI application sends to an empty object."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST"}
    scope |= {"path": path, "raw_path": path.encode(), "root_path": root_path, "query_string": b""}
    await app(scope | {"scheme": "http", "headers": [], "client": None}, receive, send)
    return sent


def test_few_frames_of_ours_are_between_the_edge_and_the_runtime(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The walk that docs/architecture.md names, step by step."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", fail)
    assert server.post(RUN, {"text": "never asked before"}).status == 500
    steps = re.findall(r"(\w+\.py):\d+ (\w+)", caplog.text.partition("RuntimeError at ")[2])
    walk = [f"{file} {name}" for file, name in steps[1:-1]]  # between Edge and `fail`
    assert len(walk) < 10
    architecture = (TESTS.parent / "docs" / "architecture.md").read_text("utf-8")
    named = re.findall(r"^\d+\. `(\S+)` `(\w+)`", architecture, re.MULTILINE)
    assert walk == [f"{file.rpartition('/')[2]} {name}" for file, name in named]


@pytest.mark.parametrize("path", [RUN.replace("/me/", "//me/"), "/v1//embeddings", "//embed"])
def test_a_doubled_slash_changes_nothing(server: Server, path: str) -> None:
    body = {"text": "a", "inputs": "a", "input": "a"}
    assert server.post(path, body).status == 200


@pytest.mark.parametrize("prefix", ["", "/textfn", "/textfn/"])
def test_a_base_path_is_left_out_if_it_is_there(
    server: Server, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    server.set(monkeypatch, base_path="/textfn")
    assert server.post(prefix + RUN, {"text": "a"}).status == 200
    wrong = server.post(f"{prefix}/v1/embedding", {})
    assert wrong.json["error"]["code"] == "unknown_url"
    assert "Did you mean /v1/embeddings?" in wrong.json["error"]["message"]
    assert server.get("/textfn/health").status == 200
    assert server.get("/textfnhealth").status == 404
