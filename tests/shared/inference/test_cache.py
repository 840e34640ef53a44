"""A text that comes again is not computed again, and only its own sender can notice."""

import numpy as np
import pytest
from conftest import Server

from shared.inference.cache import OVERHEAD, Cache, Row, TenantCache

RUN = "/client/v4/accounts/me/ai/run/all-minilm-l6-v2"
HF = "/models/sentence-transformers/all-MiniLM-L6-v2"
SENTIMENT = "/models/test/tiny-sentiment"


@pytest.fixture(autouse=True)
def empty(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.replace(monkeypatch, cache=Cache(2**20))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (RUN, {"text": ["hello", "a llama"]}),
        (RUN, {"source": "hello", "sentences": ["a llama"]}),
        (HF, {"inputs": "hello"}),
        (HF, {"inputs": "word " * 400, "truncation_direction": "left"}),
        (SENTIMENT, {"inputs": "This pizza is great!"}),
        ("/v1/embeddings", {"model": "all-minilm-l6-v2", "input": "hello"}),
        ("/embed", {"inputs": "hello"}),
    ],
)
def test_a_cached_answer_is_the_computed_one_byte_for_byte(
    server: Server, path: str, body: object
) -> None:
    first, second = server.post(path, body), server.post(path, body)
    assert (first.status, first.headers["x-compute-type"]) == (200, "cpu")
    assert second.headers["x-compute-type"] == "cache"
    assert second.body == first.body
    for name in ("textfn-model", "textfn-tokens", "textfn-truncated"):
        assert second.headers[name] == first.headers[name]


def test_a_list_with_one_new_text_is_computed_and_alike(server: Server) -> None:
    server.post(RUN, {"text": ["hello"]})
    mixed = server.post(RUN, {"text": ["a llama", "hello"]})
    assert mixed.headers["x-compute-type"] == "cpu"
    fresh = server.post(RUN, {"text": ["a llama", "hello"]}, x_use_cache="false")
    assert mixed.body == fresh.body
    assert mixed.headers["textfn-tokens"] == fresh.headers["textfn-tokens"]


def test_nobody_learns_what_another_sent(server: Server) -> None:
    body = {"inputs": "a secret"}
    server.post(HF, body, authorization="Bearer one")
    assert server.post(HF, body, authorization="Bearer two").headers["x-compute-type"] == "cpu"
    assert server.post(HF, body).headers["x-compute-type"] == "cpu"
    assert server.post(HF, body, authorization="Bearer one").headers["x-compute-type"] == "cache"


def test_where_everybody_may_ask_those_without_a_token_share_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.set(monkeypatch, auth="none")
    for _ in range(2):
        assert server.post(HF, {"inputs": "hello"}).headers["x-compute-type"] == "cpu"


def test_the_options_that_change_the_numbers_are_told_apart(server: Server) -> None:
    long = "one " * 300 + "two " * 300
    bodies = [
        {"inputs": long},
        {"inputs": long, "truncation_direction": "left"},
        {"inputs": long + "three"},
    ]
    for body in bodies:
        assert server.post(HF, body).headers["x-compute-type"] == "cpu"
    tiny = "/client/v4/accounts/me/ai/run/tiny-embedder"
    for pooling in ("mean", "cls"):
        answer = server.post(tiny, {"text": "hello", "pooling": pooling})
        assert answer.headers["x-compute-type"] == "cpu"
    assert server.post(HF, {"inputs": long, "truncate": False}).status == 400


def test_raw_and_unit_vectors_come_from_one_entry(server: Server) -> None:
    server.post(HF, {"inputs": "hello"})
    raw = server.post(HF, {"inputs": "hello", "normalize": False})
    assert raw.headers["x-compute-type"] == "cache"
    assert np.linalg.norm(raw.json) != pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("headers", "more"),
    [({"x_use_cache": "false"}, {}), ({"x_use_cache": "0"}, {}), ({}, {"use_cache": False})],
)
def test_the_cache_is_bypassed_when_asked(
    server: Server, headers: dict[str, str], more: dict[str, bool]
) -> None:
    body = {"inputs": "hello", "options": {"wait_for_model": True, **more}}
    for _ in range(2):
        assert server.post(HF, body, **headers).headers["x-compute-type"] == "cpu"
    assert server.post(HF, {"inputs": "hello"}).headers["x-compute-type"] == "cpu"


def test_the_bytes_are_bounded_and_the_least_recently_used_leave_first() -> None:
    row = Row(np.zeros(8, np.float32), 1, False)
    cache = Cache(3 * (row.values.nbytes + OVERHEAD))
    for key in (b"1", b"2", b"3"):
        cache.put(key, row)
    assert cache.get(b"1")
    cache.put(b"4", row)
    assert [bool(cache.get(key)) for key in (b"1", b"2", b"3", b"4")] == [True, False, True, True]


def test_a_row_larger_than_the_cache_is_not_kept() -> None:
    cache = Cache(100)
    cache.put(b"1", Row(np.zeros(1000, np.float32), 1, False))
    assert cache.get(b"1") is None


def test_parts_of_a_key_cannot_run_into_each_other() -> None:
    mine = TenantCache(Cache(0), b"me")
    assert mine.key("ab", "c") != mine.key("a", "bc")
