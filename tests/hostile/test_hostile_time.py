"""What a stranger can make a request cost: time and memory are bounded by settings, not by him."""

import os
import subprocess
import sys
import threading
import time

import orjson
import pytest
from conftest import Server
from graphs import CHECKPOINTS
from hostile import ROUTES, RUN, Route, assert_served, refusal, vectors

from shared.inference import batching
from shared.inference.tokenization import Tokenization

MEGABYTE = 1_000_000
TEXTS = {
    "words of 100 characters": ("q" * 100 + " ") * (MEGABYTE // 101),
    "full stops": "." * MEGABYTE,
    "ideographs": "\u6f22" * (MEGABYTE // 3),
    "one word": "a" * MEGABYTE,
    "marks": "e" + "\u0301" * (MEGABYTE // 2),
    "joiners": "\u200d" * (MEGABYTE // 3),
    "brackets": "[" * MEGABYTE,
    "special tokens": "[CLS][SEP] [MASK]" * (MEGABYTE // 17),
    "blanks": " " * MEGABYTE,
    "NUL": "\0" * (MEGABYTE // 6),
    "emoji": "\U0001f600" * (MEGABYTE // 4),
    "a ligature that becomes 18 characters": "\ufdfa" * (MEGABYTE // 3),
}

# 3, 4: a megabyte of text


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.dialect)
@pytest.mark.parametrize("name", TEXTS)
def test_a_megabyte_of_text_is_served_in_time(server: Server, route: Route, name: str) -> None:
    start = time.perf_counter()
    content = orjson.dumps(route.body([TEXTS[name]]))  # in UTF-8, which is half as long
    answer = server.post(route.path, content, x_use_cache="false")
    assert time.perf_counter() - start < 2  # 0.2 s where this was written
    assert len(vectors(route, answer)) == 1


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("family", ["tiny-distilbert", "tiny-mpnet"])
def test_every_word_piece_tokenizer_reads_no_more_than_it_keeps(
    family: str, name: str, side: str
) -> None:
    tokenization = Tokenization(CHECKPOINTS / family / "tokenizer.json", 256)
    tokenization.encode("", side)
    start = time.perf_counter()
    tokenization.encode(TEXTS[name], side)
    assert time.perf_counter() - start < 2  # 0.12 s where this was written, of a ligature


# 5: padding


@pytest.fixture
def padded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens, real and padding, each run of a graph had."""
    runs: list[int] = []
    pad = batching.pad

    def counted(*arguments):  # type: ignore[no-untyped-def]
        input_ids, attention_mask = pad(*arguments)
        runs.append(input_ids.size)
        return input_ids, attention_mask

    monkeypatch.setattr(batching, "pad", counted)
    return runs


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.dialect)
def test_one_long_text_among_short_ones_costs_its_own_tokens(
    server: Server, route: Route, padded: list[int]
) -> None:
    texts = [*map(str, range(50)), "word " * 600, *map(str, range(50, 99))]
    answer = server.post(route.path, route.body(texts), x_use_cache="false")
    assert len(vectors(route, answer)) == 100
    real = int(answer.headers["textfn-tokens"])
    assert real == 256 + 99 * 3
    assert sum(padded) <= real * 1.34  # to a multiple of four; all padded alike would be 25,600


def test_no_run_is_larger_than_the_budget(server: Server, padded: list[int]) -> None:
    counts = (1, 600, 30, 7, 200, 90, 3, 250) * 12
    texts = [f"{number} " + "word " * count for number, count in enumerate(counts)]
    assert server.post(RUN, {"text": texts}, x_use_cache="false").status == 200
    assert max(padded) <= 256


# A deadline for every request


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.dialect)
def test_the_deadline_ends_the_tokenizing_of_many_long_texts(
    server: Server, route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.set(monkeypatch, deadline_seconds=0.2)
    tokenized: list[int] = []
    encode = Tokenization.encode

    def slowly(self: Tokenization, text: str, direction: str) -> tuple[list[int], bool]:
        time.sleep(0.02)
        tokenized.append(1)
        return encode(self, text, direction)

    monkeypatch.setattr(Tokenization, "encode", slowly)
    answer = server.post(
        route.path,
        route.body([f"{number} " + "q" * 1_000 for number in range(100)]),
        x_use_cache="false",
    )
    assert answer.status == 408
    assert "0.2 s" in refusal(route.dialect, answer) or route.dialect == "tei"
    assert len(tokenized) < 50
    monkeypatch.undo()
    assert_served(server)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.dialect)
def test_the_deadline_ends_the_computing_between_two_runs(
    server: Server, route: Route, monkeypatch: pytest.MonkeyPatch, padded: list[int]
) -> None:
    server.set(monkeypatch, deadline_seconds=0.3)
    pad = batching.pad

    def slowly(*arguments):  # type: ignore[no-untyped-def]
        time.sleep(0.05)
        return pad(*arguments)

    monkeypatch.setattr(batching, "pad", slowly)
    answer = server.post(
        route.path,
        route.body([f"{number} " + "word " * 300 for number in range(100)]),
        x_use_cache="false",
    )
    assert answer.status == 408
    assert answer.headers["x-should-retry"] == "false"
    assert len(padded) < 50
    assert_served(server)


def test_all_the_tokens_of_a_text_are_shown_of_a_bounded_length_only(server: Server) -> None:
    start = time.perf_counter()
    assert server.post("/tokenize", {"inputs": ("q" * 100 + " ") * 640}).status == 200
    assert time.perf_counter() - start < 5  # 0.5 s where this was written
    refused = server.post("/tokenize", {"inputs": TEXTS["full stops"]})
    assert refused.status == 422
    assert "65536" in refused.json["error"] and str(MEGABYTE) in refused.json["error"]


# Names and paths: what is compared with a known one has a bounded length


@pytest.mark.parametrize(
    "name", ["a" * 1_900_000, "%25" * 600_000, "/" * 1_900_000, "@cf/" * 400_000]
)
def test_a_long_name_costs_no_time(server: Server, name: str) -> None:
    start = time.perf_counter()
    answers = [
        server.post("/v1/embeddings", {"model": name, "input": "a"}),
        server.post("/client/v4/accounts/me/ai/run", {"model": name, "input": {"text": "a"}}),
    ]
    assert time.perf_counter() - start < 2  # 0.02 s where this was written
    assert [answer.status for answer in answers] == [404, 400]
    assert all(len(answer.body) < 2_000 for answer in answers)


def test_a_long_path_costs_no_time(server: Server) -> None:
    path = "/client/v4/" + "accounts/embeddings/" * 3_000
    start = time.perf_counter()
    assert server.post(path, {}).status == 404
    assert time.perf_counter() - start < 1  # 0.01 s where this was written


# Peak memory, of a process of its own

PEAK = """
import pathlib, re
from shared.inference.library import open_model
from shared.settings import Settings

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1])

model = open_model(Settings.read(), "text-embeddings", "all-minilm-l6-v2")
model.embed(["word " * 300])
pathlib.Path("/proc/self/clear_refs").write_text("5")  # forget the peak of the loading
before = peak()
assert model.embed([f"{number} " + "word " * 300 for number in range(30)]).values.shape == (30, 384)
print(peak() - before)
"""


def grown(budget: int) -> int:
    """KiB that thirty of the longest texts add to the peak memory of one such text."""
    environment = os.environ | {"TEXTFN_TOKEN_BUDGET": str(budget), "TEXTFN_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PEAK], env=environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_peak_memory_is_bounded_by_the_budget_and_not_by_the_request() -> None:
    assert grown(budget=256) < 20_000  # 1 MB where this was written
    assert grown(budget=7_680) > 50_000  # all in one run: so the test can tell


# 29: after a failure


def test_after_every_refusal_the_next_request_of_many_is_served(server: Server) -> None:
    refused, served = [], []

    def ask() -> None:
        for body in (b"", b"[" * 3_000, b'{"text": 5}', b'{"text": [""]}', b'{"text": "\xff"}'):
            refused.append(server.post(RUN, body).status)
            served.append(server.post(RUN, {"text": "hello"}).status)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [400] * 40
    assert served == [200] * 40
