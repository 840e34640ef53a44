"""Paths, methods and headers that strangers send."""

import logging
import re

import pytest
from conftest import Server
from hostile import ROUTES, RUN, Route, assert_served, exchange, head, refusal

ACCOUNT = "/client/v4/accounts/me/ai/run"

# 18: what stands in a model's place is looked up in a table; it is never a path of a file.
MODELS = [
    "..",
    "../../etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..%5cmodels",
    "/etc/passwd",
    "all-minilm-l6-v2%00.onnx",
    "%ff%fe",
    "%c0%ae%c0%ae",
    "%",
    "%zz",
    "all-minilm-l6-v2/model.onnx",
    "file:///etc/passwd",
    "http://127.0.0.1/",
    "${jndi:ldap://127.0.0.1/}",
    "%0d%0aSet-Cookie:%20a=b",
    "%1b%5b31m",
    "a" * 8_000,
    "__class__",
    "{model}",
    "{0.__class__}",
]
SPELLINGS = [
    "%40hf%2Fsentence-transformers%2Fall-minilm-l6-v2",
    "%2540hf%252Fsentence-transformers%252Fall-minilm-l6-v2",
    "@HF/Sentence-Transformers/ALL-MiniLM-L6-v2",
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model[:24])
def test_a_hostile_model_name_is_unknown_in_every_dialect(server: Server, model: str) -> None:
    run = server.raw(head(f"{ACCOUNT}/{model}", "Content-Length: 13") + b'{"text": "a"}')
    found = run.status, run.json["errors"][0]["code"]
    assert found == ((404, 7003) if "%0a" in model else (400, 5007))  # no name has a second line
    bare = server.raw(head(f"/models/{model}", "Content-Length: 15") + b'{"inputs": "a"}')
    assert bare.status == 404
    listed = server.post("/v1/embeddings", {"model": model, "input": "a"})
    assert (listed.status, listed.json["error"]["code"]) == (404, "model_not_found")
    assert server.raw(head(f"/embed?model={model}", "Content-Length: 2") + b"{}").status == 404
    for answer in (run, bare, listed):
        assert b"root:" not in answer.body
        assert not re.search(rb"[\x00-\x1f\x7f-\xff]", answer.body)
        assert len(answer.body) < 4_000
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("model", SPELLINGS)
def test_an_encoded_model_name_is_the_model(server: Server, model: str) -> None:
    request = head(f"{ACCOUNT}/{model}", "Content-Length: 13") + b'{"text": "a"}'
    assert server.raw(request).status == 200


PATHS = [
    "/..",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/models",
    "/nowhere",
    "/%00",
    "/%ff",
    "/\x7e" + "a" * 9_000,
    "//evil.example/",
    "/v1/../v1/embeddings",
    "/client/v4/accounts//ai/run/all-minilm-l6-v2",
    "/docs",
    "/static/../functions/openapi.json",
    "/.git/config",
    "/health%0d%0aX-Injected:%201",
    "/%1b%5b2J",
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:24])
def test_a_hostile_path_is_unknown(server: Server, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = server.raw(head(path, "Content-Length: 0", method=method))
        assert answer.status in (404, 405)
        assert answer.headers["content-type"] == "application/json"
        assert "location" not in answer.headers
        assert "x-injected" not in answer.headers
        assert not re.search(rb"[\x00-\x1f\x7f-\xff]", answer.body)
    assert_served(server)


def test_a_proxy_s_absolute_target_is_no_route(server: Server) -> None:
    assert server.raw(head("http://evil.example/health", method="GET")).status == 404


# 16: methods


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.dialect)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X-ODD"])
def test_another_method_is_405_in_the_dialect_and_keeps_allow(
    server: Server, route: Route, method: str
) -> None:
    answer = server.raw(head(route.path, "Content-Length: 0", method=method))
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"
    assert refusal(route.dialect, answer)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.dialect)
def test_an_unknown_path_is_404_in_the_dialect(server: Server, route: Route) -> None:
    path = {"cloudflare": "/client/v4/x", "huggingface": "/x", "openai": "/v1/x", "tei": None}[
        route.dialect
    ]
    if path:  # every path of Text Embeddings Inference is known, what is near it is none of its own
        answer = server.post(path, b"")
        assert answer.status == 404
        assert refusal(route.dialect, answer)


# 17: a trailing slash


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.dialect)
@pytest.mark.parametrize("slashes", ["/", "//"])
def test_a_trailing_slash_is_served_without_a_redirect(
    server: Server, route: Route, slashes: str
) -> None:
    assert server.post(route.path + slashes, route.body(["a"])).status == 200


# 22: injection

INJECTIONS = [
    "a\tb",
    "\x1b[31mred",
    "a b",
    "<script>",
    "x" * 65,
    "a\u00e9",
    "${jndi:ldap://127.0.0.1/}",
    "%0d%0aX-Injected: 1",
    "",
]


@pytest.mark.parametrize("value", INJECTIONS)
def test_a_request_id_that_is_not_harmless_is_replaced(server: Server, value: str) -> None:
    received = exchange(
        server,
        head("/client/v4/x", f"X-Request-Id: {value}", "Connection: close", method="GET"),
    )
    if received.startswith(b"HTTP/1.1 400"):  # a control in a header is not HTTP
        assert b"Invalid HTTP" in received
        return
    ids = re.findall(rb"x-request-id: (.*?)\r\n", received)
    assert len(ids) == 1
    assert re.fullmatch(rb"[0-9a-f-]{36}", ids[0])
    assert b"x-injected" not in received.lower()


@pytest.mark.parametrize(
    "path",
    [
        "/a%0d%0aERROR: forged",
        "/a%1b[31m",
        "/a%00",
        f"{ACCOUNT}/%0aforged",
        "/embed?model=%0aforged",
    ],
)
def test_no_line_of_the_log_is_forged(
    server: Server, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        server.raw(head(path.replace(" ", "%20"), "Content-Length: 2") + b"{}")
        server.get("/nowhere", x_request_id="a", user_agent="\x1b[31m", x_forwarded_for="\x1b]0;x")
    for record in caplog.records:
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", record.getMessage())
        assert "\nERROR" not in record.getMessage()
        assert "\nforged" not in record.getMessage()


def test_no_header_of_a_request_is_sent_back(server: Server) -> None:
    received = exchange(
        server,
        head(
            RUN,
            "Origin: https://evil.example",
            "X-Forwarded-Host: evil.example",
            "X-Forwarded-Proto: evil",
            "Forwarded: host=evil.example",
            "Content-Length: 0",
            "Connection: close",
        ),
    )
    assert b"evil" not in received
    assert b"access-control-allow-origin" not in received.lower()


def test_the_server_does_not_say_which_version_of_what_it_is(server: Server) -> None:
    answer = server.get("/health")
    assert not re.search("[0-9]", answer.headers.get("server", ""))
