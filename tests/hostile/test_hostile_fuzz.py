"""Bodies, paths and headers made up by hypothesis: every answer is one of the service's own."""

import json
import string

import pytest
from conftest import Answer, Server
from hostile import ROUTES, Route, assert_served, exchange, refusal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

some = settings(
    max_examples=120,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
KEYS = [
    *("text", "inputs", "input", "model", "source", "sentences", "source_sentence", "requests"),
    *("parameters", "options", "use_cache", "normalize", "truncate", "truncation_direction"),
    *("pooling", "encoding_format", "dimensions", "prompt_name", "top_k", "queueRequest"),
]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["cls", "mean", "base64", "left", "RIGHT", "all-minilm-l6-v2", "[CLS]"]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=4),
    ),
    max_leaves=12,
)
BODIES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6)
each_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.dialect)


def assert_ours(route: Route, answer: Answer) -> None:
    """200, or a refusal of the caller's fault in the dialect."""
    assert answer.status in (200, 400, 404, 413, 422), answer.body
    if answer.status != 200:
        assert refusal(route.dialect, answer)
    assert b"Traceback" not in answer.body


@each_route
@some
@given(body=BODIES)
def test_any_object_is_answered(server: Server, route: Route, body: object) -> None:
    assert_ours(route, server.post(route.path, body))


@each_route
@some
@given(texts=st.lists(st.text(max_size=60), max_size=6), more=BODIES)
def test_texts_have_as_many_vectors_whatever_is_beside_them(
    server: Server, route: Route, texts: list[str], more: dict[str, object]
) -> None:
    answer = server.post(route.path, {**more, **route.body(texts)})
    assert_ours(route, answer)
    assert b"null" not in answer.body or answer.status != 200
    if answer.status == 200 and route.dialect == "tei":
        assert len(answer.json) == len(texts)


@each_route
@some
@given(body=st.binary(max_size=300))
def test_any_bytes_are_refused(server: Server, route: Route, body: bytes) -> None:
    assert_ours(route, server.post(route.path, body))


@each_route
@some
@given(data=st.data())
def test_any_change_of_a_good_body_is_answered(
    server: Server, route: Route, data: st.DataObject
) -> None:
    content = bytearray(json.dumps(route.body(["hello", "world"])).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
        content = content or bytearray(b"{")
    assert_ours(route, server.post(route.path, bytes(content)))


@some
@given(path=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
def test_any_path_is_answered(server: Server, path: str) -> None:
    received = exchange(server, f"POST /{path} HTTP/1.0\r\n\r\n".encode())
    assert received.split(b" ")[1] in (b"200", b"400", b"404", b"405", b"422"), received
    assert b"content-type: application/json" in received or b"Invalid HTTP" in received


@some
@given(
    name=st.text(string.ascii_letters + "-", min_size=1, max_size=20),
    value=st.binary(max_size=60),
)
def test_any_header_is_answered(server: Server, name: str, value: bytes) -> None:
    head = b"GET /livez HTTP/1.0\r\n%s: %s\r\n\r\n" % (name.encode(), value)
    received = exchange(server, head)
    assert received.split(b" ")[1] in (b"200", b"400", b"501"), received


def test_after_all_of_it_the_server_serves(server: Server) -> None:
    assert_served(server)
