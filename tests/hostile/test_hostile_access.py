"""Whoever has no token gets nothing: not the body's reading, not a hint about the token."""

import hashlib
import hmac
import time
from collections.abc import Iterator

import pytest
from conftest import Server
from hostile import ROUTES, RUN, Route, exchange, head, refusal

from shared.http import access, body

TOKENS = ["the first token", "the second", "the third"]
HASHES = frozenset(hashlib.sha256(token.encode()).digest() for token in TOKENS)


@pytest.fixture(autouse=True)
def closed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server of the tests, with three tokens."""
    server.set(monkeypatch, tokens=HASHES)


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[object, object]]]:
    made: list[tuple[object, object]] = []
    compare = hmac.compare_digest

    def counted(first: bytes, second: bytes) -> bool:
        made.append((first, second))
        return compare(first, second)

    monkeypatch.setattr(access.hmac, "compare_digest", counted)
    yield made


WRONG = {
    "another": "Bearer another",
    "nothing": "Bearer ",
    "no scheme": "the first",
    "another scheme": "Basic dGhlIGZpcnN0IHRva2Vu",
    "a prefix": "Bearer the first toke",
    "a longer one": "Bearer the first token2",
    "two at once": "Bearer the first token, Bearer the second",
    "a hash itself": f"Bearer {hashlib.sha256(b'the first token').hexdigest()}",
    "beyond ASCII": "Bearer \u00e9\u00ff",
    "very long": "Bearer " + "a" * 30_000,
}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.dialect)
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_token_is_refused_in_the_dialect(server: Server, route: Route, name: str) -> None:
    answer = server.raw(head(route.path, f"Authorization: {WRONG[name]}", "Content-Length: 0"))
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert refusal(route.dialect, answer)


@pytest.mark.parametrize(
    "value", ["Bearer the first token", "the first token", "bearer  the second"]
)
def test_a_right_token_is_served(server: Server, value: str) -> None:
    assert server.post(RUN, {"text": "a"}, authorization=value).status == 200


@pytest.mark.parametrize(("first", "status"), [("the third", 200), ("another", 401)])
def test_of_two_headers_of_one_name_the_first_counts(
    server: Server, first: str, status: int
) -> None:
    lines = f"Authorization: Bearer {first}", "Authorization: Bearer the second"
    answer = server.raw(head(RUN, *lines, "Content-Length: 13") + b'{"text": "a"}')
    assert answer.status == status


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.dialect)
def test_the_refusal_does_not_wait_for_the_body(server: Server, route: Route) -> None:
    start = time.perf_counter()
    answer = server.raw(head(route.path, "Authorization: Bearer x", "Content-Length: 2000000"))
    assert answer.status == 401
    assert time.perf_counter() - start < 0.2  # 0.002 s where this was written


def test_without_a_token_no_body_is_read_or_parsed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the body of a stranger was read")

    monkeypatch.setattr(body, "_read", fail)
    monkeypatch.setattr(body, "_parse", fail)
    assert server.post(RUN, b"[" * 1_000_000, authorization="Bearer x").status == 401
    assert server.post(RUN, {"text": "a"}, content_encoding="gzip").status == 400  # 9106


@pytest.mark.parametrize("token", [*TOKENS, "another", "\u00e9"])
def test_every_token_is_compared_whatever_was_sent(
    server: Server, token: str, comparisons: list[tuple[object, object]]
) -> None:
    """Which of them fits, and whether one does, takes no different number of comparisons."""
    server.raw(head(RUN, f"Authorization: Bearer {token}", "Content-Length: 2") + b"{}")
    assert len(comparisons) == len(TOKENS)
    assert {known for _, known in comparisons} == HASHES
    for sides in comparisons:
        assert [len(side) for side in sides if isinstance(side, bytes)] == [32, 32]


def test_every_header_is_compared_too(
    server: Server, comparisons: list[tuple[object, object]]
) -> None:
    server.post(RUN, {"text": "a"}, authorization=f"Bearer {TOKENS[0]}", x_auth_key="another")
    assert len(comparisons) == 2 * len(TOKENS)


def test_callers_are_told_apart_by_a_hash_of_their_tokens() -> None:
    callers = {access.caller({"authorization": f"Bearer {token}"}) for token in TOKENS}
    assert len(callers) == 3
    assert {len(caller) for caller in callers} == {32}
    assert not callers & HASHES  # what is kept is no hash that opens anything
    assert access.caller({"x-auth-key": TOKENS[0]}) in callers
    assert access.caller({"user-agent": "a"}) == b""


@pytest.mark.parametrize("path", ["/", "/health", "/livez", "/openapi.json"])
def test_what_is_public_needs_no_token(server: Server, path: str) -> None:
    assert server.get(path).status == 200


PRIVATE = ["/readyz", "/info", "/v1/models", "/client/v4/accounts/me/ai/models/search", "/nowhere"]


@pytest.mark.parametrize("path", [*PRIVATE, "/health/x", "/HEALTH", "/./health", "/%68ealth2"])
def test_everything_else_does_even_what_is_not_there(server: Server, path: str) -> None:
    for line in ("X-Nothing: 1", "Authorization: Bearer x", "X-Original-URL: /health"):
        answer = server.raw(head(path, line, method="GET"))
        assert answer.status in (400, 401)
        assert b"textfn" not in answer.body


def test_no_method_goes_round_the_token(server: Server) -> None:
    for method in ("HEAD", "OPTIONS", "PUT", "TRACE"):
        received = exchange(server, head("/v1/models", "Connection: close", method=method))
        assert received.startswith(b"HTTP/1.1 401 ")
