"""Web pages of other origins: which may call, and what their browsers are told."""

import pytest
from conftest import Server

RUN = "/client/v4/accounts/me/ai/run/all-minilm-l6-v2"
# What the SDKs of OpenAI and Cloudflare ask for in Chromium.
ASKED = (
    "authorization,content-type,x-stainless-arch,x-stainless-lang,x-stainless-os,"
    "x-stainless-package-version,x-stainless-retry-count,x-stainless-runtime,"
    "x-stainless-runtime-version,api-version"
)


def preflight(server: Server, origin: str) -> dict[str, str]:
    headers = {"access_control_request_method": "POST", "access_control_request_headers": ASKED}
    return server.request("OPTIONS", RUN, None, origin=origin, **headers).headers


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:80"])
def test_on_loopback_pages_of_loopback_may_call(server: Server, origin: str) -> None:
    granted = preflight(server, origin)
    assert granted["access-control-allow-origin"] == origin
    assert set(ASKED.split(",")) <= set(granted["access-control-allow-headers"].split(","))
    answer = server.post(RUN, {"text": "hello"}, origin=origin)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, origin)
    assert "textfn-model" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://localhost.evil.example", "http://127.0.0.1.evil.example"],
)
def test_no_other_page_may_read_an_answer(server: Server, origin: str) -> None:
    assert "access-control-allow-origin" not in preflight(server, origin)
    answer = server.post(RUN, {"text": "hello"}, origin=origin)
    assert "access-control-allow-origin" not in answer.headers


def test_the_origins_of_the_setting_may_call_and_no_others(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.set(monkeypatch, cors_origins=("https://app.example",), tokens=frozenset([b"\0" * 32]))
    granted = preflight(server, "https://app.example")  # it carries no API token
    assert granted["access-control-allow-origin"] == "https://app.example"
    refused = server.post(RUN, {"text": "hello"}, origin="https://app.example")
    assert (refused.status, refused.json["errors"][0]["code"]) == (400, 9106)
    assert refused.headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-origin" not in preflight(server, "http://localhost:3000")


def test_a_star_allows_every_page(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.set(monkeypatch, cors_origins=("*",))
    assert preflight(server, "https://any.example")["access-control-allow-origin"] == "*"


def test_beyond_loopback_no_page_may_call(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.replace(monkeypatch, on_loopback=False)
    assert "access-control-allow-origin" not in preflight(server, "http://localhost:3000")
