"""Bodies that strangers send: each is refused in the dialect or served, and the next is served.

The numbers in the names of sections are those of docs/hardening.md.
"""

import gzip
import json
import math
import time
import zlib
from collections.abc import Callable

import pytest
from conftest import Server
from hostile import ROUTES, RUN, Route, assert_served, exchange, head, refusal, vectors

LIMIT = 2_097_152

each_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.dialect)


# 6: nesting

DEEP: dict[str, Callable[[int], bytes]] = {
    "arrays": lambda depth: b"[" * depth,
    "closed arrays": lambda depth: b"[" * depth + b"]" * depth,
    "objects": lambda depth: b'{"a":' * depth,
    "closed objects": lambda depth: b'{"a":' * depth + b"1" + b"}" * depth,
    "below an unknown key": lambda depth: b'{"x":' + b"[" * depth + b"]" * depth + b"}",
}


@each_route
@pytest.mark.parametrize("depth", [1_100, 100_000, 400_000])
@pytest.mark.parametrize("kind", DEEP)
def test_deep_nesting_is_refused(server: Server, route: Route, kind: str, depth: int) -> None:
    body = DEEP[kind](depth)
    answer = server.post(route.path, body)
    assert answer.status == (413 if len(body) > LIMIT else route.invalid)
    assert refusal(route.dialect, answer)
    assert_served(server)


@each_route
def test_shallow_nesting_in_an_unknown_key_is_ignored(server: Server, route: Route) -> None:
    nested = json.loads("[" * 500 + "]" * 500)
    assert len(vectors(route, server.post(route.path, route.body(["a"], unknown=nested)))) == 1


# 7: numbers

NUMBERS = [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5_000, b"-0", b"0x10", b"01", b"1."]


@each_route
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:9].decode())
def test_a_number_is_no_text(server: Server, route: Route, number: bytes) -> None:
    for value in (number, b"[%s]" % number, b'["a", %s]' % number):
        answer = server.post(route.path, route.raw(value))
        assert answer.status in (400, 422)
        assert refusal(route.dialect, answer)
    assert_served(server)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999"])
def test_what_json_has_no_number_for_is_refused_in_an_unknown_key_too(
    server: Server, number: bytes
) -> None:
    assert server.post(RUN, b'{"text": "a", "unknown": %s}' % number).status == 400


@pytest.mark.parametrize("number", [True, 1.0, 32.5, 0, -1, "1", [1], 10**30])
def test_a_count_is_a_whole_number_from_1_on(server: Server, number: object) -> None:
    body = {"inputs": "great", "parameters": {"top_k": number}}
    answer = server.post("/models/test/tiny-sentiment", body)
    assert answer.status == 400
    assert "top_k" in refusal("huggingface", answer)


# 8: broken Unicode

BROKEN = {
    "a lone high surrogate": b'"\\ud800"',
    "a lone low surrogate": b'"a\\udc00b"',
    "a reversed pair": b'"\\udc00\\ud800"',
    "CESU-8": b'"\xed\xa0\xbd\xed\xb8\x80"',
    "an overlong form": b'"\xc0\x80"',
    "beyond Unicode": b'"\xf4\x90\x80\x80"',
    "a byte of no character": b'"\xff"',
    "half a character": b'"\xe2\x82"',
    "a half-written escape": b'"\\u12"',
    "an escape of nothing": b'"\\x41"',
    "a raw NUL": b'"a\x00b"',
    "a raw line feed": b'"a\nb"',
}


@each_route
@pytest.mark.parametrize("name", BROKEN)
def test_broken_unicode_is_refused(server: Server, route: Route, name: str) -> None:
    for value in (BROKEN[name], b'["good", %s]' % BROKEN[name]):
        answer = server.post(route.path, route.raw(value))
        assert answer.status == route.invalid
        assert refusal(route.dialect, answer)
    assert server.post(route.path, b'{%s: "a"}' % BROKEN[name]).status == route.invalid
    assert_served(server)


# 9: odd texts

ODD = {
    "NUL": "a\0b",
    "controls": "\x01\x02\x1b[31m\x7f",
    "direction": "\u202eabc\u2066",
    "private use": "\ue000\U000f0000",
    "no character": "\ufffe\uffff\ufdd0",
    "blanks": " \t\r\n\u00a0\u3000",
    "one blank": " ",
    "a byte order mark": "\ufeff",
    "joined emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 20,
    "a character beyond the first plane": "\U00020000",
    "marks alone": "\u0301" * 50,
}


@each_route
@pytest.mark.parametrize("name", ODD)
def test_an_odd_text_has_a_vector_like_any_other(server: Server, route: Route, name: str) -> None:
    (vector,) = vectors(route, server.post(route.path, route.body([ODD[name]])))
    assert len(vector) == 384
    assert sum(number**2 for number in vector) > 0
    assert all(isinstance(number, float) and math.isfinite(number) for number in vector)


@each_route
def test_an_empty_text_is_refused_and_its_place_named(server: Server, route: Route) -> None:
    answer = server.post(route.path, route.body(["a", ""]))
    assert answer.status == 400
    said = refusal(route.dialect, answer)
    assert f"{route.field}/1" in said or f"{route.field}.1" in said


# 11: duplicate keys


@each_route
def test_of_two_equal_keys_the_last_wins(server: Server, route: Route) -> None:
    other = json.dumps(route.body(["the second"]))[1:]
    twice = b'{"%s": "the first", %s' % (route.field.encode(), other.encode())
    alone = server.post(route.path, route.body(["the second"]))
    assert vectors(route, server.post(route.path, twice)) == vectors(route, alone)


# 12, 13: many keys, many items


@each_route
def test_a_flood_of_unknown_keys_is_cheap(server: Server, route: Route) -> None:
    keys = b",".join(b'"k%d":0' % index for index in range(170_000))
    body = route.raw(b'["a"]')[:-1] + b"," + keys + b"}"
    assert 1_900_000 < len(body) < LIMIT
    start = time.perf_counter()
    assert server.post(route.path, body).status == 200
    assert time.perf_counter() - start < 2  # 0.1 s where this was written


@each_route
@pytest.mark.parametrize("item", [b'""', b'"a"', b"[]", b"0", b"null", b"{}"], ids=bytes.decode)
def test_too_many_items_are_refused_before_any_is_tokenized(
    server: Server, route: Route, item: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.inference.tokenization import Tokenization

    tokenized: list[str] = []
    monkeypatch.setattr(Tokenization, "encode", lambda _, text, *__: tokenized.append(text))
    count = 2_000_000 // (len(item) + 1)
    answer = server.post(route.path, route.raw(b"[" + b",".join([item] * count) + b"]"))
    assert answer.status == route.invalid
    assert refusal(route.dialect, answer)
    assert tokenized == []


@each_route
def test_a_refused_number_of_texts_names_limit_number_and_remedy(
    server: Server, route: Route
) -> None:
    most = 100 if route.dialect == "cloudflare" else 2048
    answer = server.post(route.path, route.body(["a"] * (most + 1)))
    assert answer.status == route.invalid
    said = refusal(route.dialect, answer)
    assert str(most) in said
    assert str(most + 1) in said
    if route.dialect != "tei":  # the server's own words, which say no remedy
        assert "several requests" in said


def test_the_sentences_of_a_similarity_are_counted_in_both_dialects(server: Server) -> None:
    run = server.post(RUN, {"source": "a", "sentences": ["b"] * 101})
    assert "has 101 items; one request may have 100" in refusal("cloudflare", run)
    body = {"inputs": {"source_sentence": "a", "sentences": ["b"] * 2049}}
    bare = server.post("/models/sentence-transformers/all-MiniLM-L6-v2", body)
    assert "has 2049 items; one request may have 2048" in refusal("huggingface", bare)


# 14: compressed bodies


def compressed(name: str) -> bytes:
    content = b'{"text": "a", "inputs": ["a"], "input": "a", "model": "all-minilm-l6-v2"}'
    bomb = gzip.compress(bytes(64 * 2**20))
    return {
        "gzip": gzip.compress(content),
        "x-gzip": bomb,
        "deflate": zlib.compress(content),
        "br": b"\x0b\x02\x80{}\x03",
        "zstd": b"\x28\xb5\x2f\xfd\x20\x02",
        "gzip, gzip": gzip.compress(bomb),
        "GZIP": gzip.compress(content)[:-8] + bytes(8),  # a wrong checksum
        "identity, gzip": gzip.compress(content),
    }[name]


ENCODINGS = ["gzip", "x-gzip", "deflate", "br", "zstd", "gzip, gzip", "GZIP", "identity, gzip"]


@each_route
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_compressed_body_is_refused_by_name(server: Server, route: Route, encoding: str) -> None:
    start = time.perf_counter()
    answer = server.post(route.path, compressed(encoding), content_encoding=encoding)
    assert time.perf_counter() - start < 1
    assert answer.status == 415
    assert answer.headers["accept-encoding"] == "identity"
    assert encoding.replace(" ", "?") in refusal(route.dialect, answer)
    assert_served(server)


@each_route
@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
def test_a_body_that_is_not_compressed_may_say_so(
    server: Server, route: Route, encoding: str
) -> None:
    answer = server.post(route.path, route.body(["a"]), content_encoding=encoding)
    assert answer.status == 200


# 15: lengths


@each_route
@pytest.mark.parametrize("length", [LIMIT + 1, 10**12, 10**19])
def test_a_declared_length_over_the_limit_is_refused_before_a_byte_is_read(
    server: Server, route: Route, length: int
) -> None:
    for more in ((), ("Expect: 100-continue",)):
        answer = server.raw(head(route.path, f"Content-Length: {length}", *more))
        assert answer.status == 413
        said = refusal(route.dialect, answer)
        assert str(LIMIT) in said
        assert str(length)[:7] in said
        assert "several requests" in said


@each_route
def test_a_chunked_body_over_the_limit_is_refused(server: Server, route: Route) -> None:
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    request = head(route.path, "Transfer-Encoding: chunked") + chunk * 33 + b"0\r\n\r\n"
    answer = server.raw(request)
    assert answer.status == 413
    assert str(LIMIT) in refusal(route.dialect, answer)


@each_route
def test_a_chunked_body_is_served(server: Server, route: Route) -> None:
    content = json.dumps(route.body(["a"])).encode()
    parts = b"".join(b"1\r\n%c\r\n" % byte for byte in content)
    answer = server.raw(head(route.path, "Transfer-Encoding: chunked") + parts + b"0\r\n\r\n")
    assert len(vectors(route, answer)) == 1


NOT_HTTP = {
    "no number": head(RUN, "Content-Length: abc"),
    "below zero": head(RUN, "Content-Length: -1"),
    "a sign": head(RUN, "Content-Length: +5") + b"{}",
    "an endless number": head(RUN, "Content-Length: " + "9" * 5_000),
    "two lengths": head(RUN, "Content-Length: 5", "Content-Length: 6"),
    "a chunk of no length": head(RUN, "Transfer-Encoding: chunked") + b"ZZ\r\n{}\r\n",
    "a chunk below zero": head(RUN, "Transfer-Encoding: chunked") + b"-5\r\n{}\r\n",
    "another transfer encoding": head(RUN, "Transfer-Encoding: gzip") + b"{}",
    "no request": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
    "an endless header": b"POST / HTTP/1.1\r\nX: " + b"a" * 200_000,
    "a blank in a name": head(RUN, "Content Length: 5"),
    "a control in a path": b"POST /a\x1bb HTTP/1.1\r\nHost: a\r\n\r\n",
    "a line feed in a header": head(RUN, "X-Request-Id: a\nb: c\x00"),
}


@pytest.mark.parametrize("name", NOT_HTTP)
def test_what_is_not_http_is_refused_by_the_server_and_the_connection_closed(
    server: Server, name: str
) -> None:
    received = exchange(server, NOT_HTTP[name])
    assert received.startswith(b"HTTP/1.1 400 ")
    assert b"Invalid HTTP request received." in received
    assert_served(server)


@each_route
def test_a_body_that_ends_before_its_length_has_no_answer(server: Server, route: Route) -> None:
    request = head(route.path, "Content-Length: 100") + b'{"text'
    assert exchange(server, request, half_closed=True) == b""
    assert_served(server)


@each_route
def test_a_body_that_goes_on_after_its_length_is_cut_there(server: Server, route: Route) -> None:
    content = json.dumps(route.body(["a"])).encode()
    request = head(route.path, f"Content-Length: {len(content) - 1}") + content
    received = exchange(server, request, half_closed=True)
    assert received.startswith(b"HTTP/1.1 %d " % route.invalid)
    assert received.count(b"HTTP/1.1 ") == 1  # the byte that is left begins no request
    assert_served(server)


@each_route
def test_a_length_beside_chunks_cannot_smuggle_a_second_request(
    server: Server, route: Route
) -> None:
    hidden = head("/health", method="GET")
    lines = ("Content-Length: 5", "Transfer-Encoding: chunked", "Connection: close")
    received = exchange(server, head(route.path, *lines) + b"0\r\n\r\n" + hidden)
    assert received.count(b"HTTP/1.1 ") == 1


@each_route
def test_a_body_that_does_not_arrive_is_given_up(
    server: Server, route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.set(monkeypatch, deadline_seconds=0.2)
    answer = server.raw(head(route.path, "Content-Length: 100") + b'{"text')
    assert answer.status == 408
    if route.dialect != "tei":
        assert "The body did not arrive within 0.2 s" in refusal(route.dialect, answer)
    assert answer.headers["x-should-retry"] == "false"
