import dataclasses
import hashlib

import pytest
from conftest import Server

from shared.errors import AccessDenied, MissingCredentials
from shared.http import access
from shared.http.access import Access, is_public
from shared.settings import Settings

OPEN = Settings.read()
TOKEN, OTHER = "a token of the tests", "another of them"
CLOSED = dataclasses.replace(
    OPEN,
    tokens=frozenset(hashlib.sha256(token.encode()).digest() for token in (TOKEN, OTHER)),
)
RUN = "/client/v4/accounts/me/ai/run/all-minilm-l6-v2"

GOOD = [
    {"authorization": f"Bearer {TOKEN}"},
    {"authorization": f"bearer {OTHER}"},
    {"authorization": f"Bearer: {TOKEN}"},  # as a table of the Hugging Face documents writes it
    {"x-auth-key": TOKEN},
    {"cf-aig-authorization": f"Bearer {TOKEN}"},
]
BAD = [
    {"authorization": "Bearer wrong"},
    {"authorization": "Bearer"},
    {"authorization": ""},
    {"authorization": f"Basic {TOKEN}"},
    {"authorization": f"Bearer {TOKEN}, Bearer {OTHER}"},
    {"authorization": f"Bearer {TOKEN}\u00e9"},
    {"authorization": "Bearer \udcff"},
]


@pytest.mark.parametrize("headers", GOOD, ids=str)
def test_a_known_token_may_ask(headers: dict[str, str]) -> None:
    Access(CLOSED).check(RUN, headers)


@pytest.mark.parametrize("headers", BAD, ids=ascii)
def test_an_unknown_token_may_not(headers: dict[str, str]) -> None:
    with pytest.raises(AccessDenied):
        Access(CLOSED).check(RUN, headers)


def test_no_token_is_told_apart_from_a_wrong_one() -> None:
    with pytest.raises(MissingCredentials):
        Access(CLOSED).check(RUN, {"x-auth-email": "me@example.com"})


def test_health_needs_no_token() -> None:
    assert is_public("GET", "/health")
    assert not is_public("POST", "/")
    assert not is_public("GET", "/v1/models")


def test_without_tokens_everybody_may_ask() -> None:
    Access(OPEN).check(RUN, {})


def test_a_refusal_is_in_the_dialect_and_comes_before_the_body(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.set(monkeypatch, tokens=CLOSED.tokens)
    missing, wrong = server.post(RUN, b"no JSON"), server.post(RUN, b"", authorization="Bearer x")
    assert (missing.status, missing.json["errors"][0]["code"]) == (400, 9106)
    assert (wrong.status, wrong.json["errors"][0]["code"]) == (401, 10000)
    assert wrong.headers["www-authenticate"] == "Bearer"
    hugging_face = server.post("/models/x", b"", authorization="Bearer x")
    assert hugging_face.json == {"error": "Invalid credentials in Authorization header"}
    openai = server.post("/v1/embeddings", b"", authorization="Bearer x")
    assert (openai.status, openai.json["error"]["code"]) == (401, "invalid_api_key")
    assert server.post(RUN, {"text": "a"}, authorization=f"Bearer {TOKEN}").status == 200


def test_nothing_is_open_beyond_loopback_unless_somebody_said_so() -> None:
    with pytest.raises(access.NotProtected, match="TEXTFN_TOKENS"):
        access.require_protection(loopback=False, settings=OPEN)
    access.require_protection(loopback=True, settings=OPEN)
    access.require_protection(loopback=False, settings=CLOSED)
    access.require_protection(False, dataclasses.replace(OPEN, auth="none"))
