"""A local server with more to do than it can: it refuses, stays alive, and stops when told."""

import contextlib
import dataclasses
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from conftest import Answer, Server
from hostile import ROUTES, RUN, Route, assert_served, head, refusal

LONG = {"text": [f"{number} " + "word " * 400 for number in range(100)]}  # a second of work


class Process(NamedTuple):
    server: Server
    process: subprocess.Popen[str]


@contextlib.contextmanager
def serving(**environment: str) -> Iterator[Process]:
    """`textfn serve` in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "textfn", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"TEXTFN_LOG_LEVEL": "error"} | environment,  # nobody reads the pipe
    )
    assert process.stdout is not None
    port = re.search(r":(\d+) ", process.stdout.readline())
    assert port
    try:
        yield Process(Server(int(port[1])), process)
    finally:
        process.kill()
        process.communicate()


def posting(server: Server, body: object, answers: list[Answer | None]) -> threading.Thread:
    def ask() -> None:
        try:
            answers.append(server.post(RUN, body, x_use_cache="false"))
        except (OSError, http.client.HTTPException):
            answers.append(None)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_beyond_the_queue_a_request_is_told_to_come_back_and_the_server_stays_alive() -> None:
    with serving(TEXTFN_MAX_WAITING="4", TEXTFN_DEADLINE_SECONDS="100") as (server, _):
        answers: list[Answer | None] = []
        threads = [posting(server, LONG, answers) for _ in range(12)]
        times = []
        while any(thread.is_alive() for thread in threads):
            start = time.perf_counter()
            assert server.get("/livez").status == 200
            times.append(time.perf_counter() - start)
        statuses = [answer.status for answer in answers if answer]
        assert sorted(set(statuses)) == [200, 429]
        assert statuses.count(200) == 4
        for answer in answers:
            if answer and answer.status == 429:
                assert answer.headers["retry-after"] == "1"
                assert answer.json["errors"][0]["code"] == 3040
        assert len(times) > 20
        assert sorted(times)[len(times) * 95 // 100] < 0.5  # 0.02 s where this was written
        assert_served(server)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.dialect)
def test_the_queue_s_refusal_is_in_the_dialect(
    server: Server, route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.service.host, "semaphore", threading.Semaphore(0))
    answer = server.post(route.path, route.body(["a"]))
    assert answer.status == 429
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["x-should-retry"] == "true"
    assert refusal(route.dialect, answer)
    monkeypatch.undo()
    assert_served(server)


def test_a_place_in_the_queue_is_given_back_after_every_failure(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.inference.model import Model

    places = threading.Semaphore(1)
    monkeypatch.setattr(server.service.host, "semaphore", places)
    embed = Model.embed

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    for _ in range(3):
        monkeypatch.setattr(Model, "embed", fail)
        assert server.post(RUN, {"text": "a"}).status == 500
        monkeypatch.setattr(Model, "embed", embed)
        assert server.post(RUN, {"text": "a"}).status == 200
    assert places.acquire(blocking=False)


# 28: the client leaves


def test_the_work_stops_when_the_client_leaves(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.inference import batching

    runs: list[float] = []
    pad = batching.pad

    def slowly(*arguments):  # type: ignore[no-untyped-def]
        runs.append(time.perf_counter())
        time.sleep(0.02)
        return pad(*arguments)

    monkeypatch.setattr(batching, "pad", slowly)
    places = threading.Semaphore(1)
    monkeypatch.setattr(server.service.host, "semaphore", places)
    content = json.dumps(LONG).encode()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        lines = f"Content-Length: {len(content)}", "X-Use-Cache: false"
        connection.sendall(head(RUN, *lines) + content)
        while len(runs) < 3:
            time.sleep(0.001)
    left = time.perf_counter()
    assert places.acquire(timeout=5)
    places.release()
    assert len(runs) < 60  # of 100
    assert max(runs) - left < 1
    monkeypatch.undo()
    assert_served(server)


def test_a_client_that_stays_is_not_taken_for_one_that_left(server: Server) -> None:
    """Its next request may be on the way already, behind the first."""
    content = json.dumps({"text": [f"{number} " + "word " * 400 for number in range(10)]}).encode()
    lines = f"Content-Length: {len(content)}", "X-Use-Cache: false"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall((head(RUN, *lines) + content) * 2 + head("/health", method="GET"))
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < 3:
            part = connection.recv(65536)
            assert part
            received += part


def test_a_client_that_leaves_before_its_body_is_sent_breaks_nothing(server: Server) -> None:
    for part in (b"", b"POST ", head(RUN, "Content-Length: 100"), head(RUN)[:-2]):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(part)
    assert_served(server)


# 28: SIGTERM


def test_a_request_that_is_being_computed_is_finished_before_the_end() -> None:
    with serving() as (server, process):
        answers: list[Answer | None] = []
        thread = posting(server, LONG, answers)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        thread.join()
        assert answers[0] and answers[0].status == 200
        assert process.wait(timeout=5) == -signal.SIGTERM  # as uvicorn ends


def test_what_cannot_be_finished_in_ten_seconds_is_given_up() -> None:
    """It would take half a minute: as many and as long texts as a body holds, three times."""
    with serving(TEXTFN_DEADLINE_SECONDS="600", TEXTFN_MAX_TEXTS="2000") as (server, process):
        answers: list[Answer | None] = []
        texts = [f"{number} " + "word " * 200 for number in range(2_000)]
        threads = [posting(server, {"text": texts}, answers) for _ in range(3)]
        time.sleep(1)
        start = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
        assert 9 < time.perf_counter() - start < 13
        for thread in threads:
            thread.join()
        assert not any(answer and answer.status == 200 for answer in answers)


# /readyz


def test_readiness_is_that_the_models_compute_what_was_published(server: Server) -> None:
    answer = server.get("/readyz")
    assert answer.status == 200
    assert answer.json["status"] == "ready"
    assert {"all-minilm-l6-v2", "minilm-l6-sst2-int8", "tiny-embedder"} <= set(
        answer.json["missed"]
    )


def test_a_model_with_other_numbers_is_not_ready_and_is_named(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    model = server.service.library.of("text-embeddings")["all-minilm-l6-v2"]
    infer = model._infer

    def swapped(*arguments):  # type: ignore[no-untyped-def]
        return np.roll(infer(*arguments), 1, axis=1)

    monkeypatch.setattr(model, "_infer", swapped)
    answer = server.get("/readyz")
    assert answer.status == 503
    assert answer.json["status"] == "not ready"
    assert answer.json["missed"]["all-minilm-l6-v2"] == [
        "fastembed, tests/test_text_onnx_embeddings.py"
    ]
    assert answer.json["missed"]["tiny-embedder"] == []


def test_a_pooling_that_cannot_run_is_not_ready_and_says_why(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = server.service.library.of("text-embeddings")["tiny-embedder"]

    def fail(pooling: str) -> None:
        raise RuntimeError(f"the {pooling} graph is gone")

    monkeypatch.setattr(model, "try_pooling", fail)
    answer = server.get("/readyz")
    assert (answer.status, answer.json["reason"]) == (503, "Not as published: tiny-embedder.")
    assert answer.json["missed"]["tiny-embedder"] == [
        f"{pooling} pooling cannot run: the {pooling} graph is gone" for pooling in ("cls", "mean")
    ]


def test_a_malformed_reference_is_not_ready_and_says_why(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = server.service.library.of("text-embeddings")["tiny-embedder"]
    malformed = ({"origin": "a page", "text": "hello", "tolerance": 0.1},)
    changed = dataclasses.replace(model.manifest, references=malformed)
    monkeypatch.setattr(model, "manifest", changed)
    answer = server.get("/readyz")
    assert answer.status == 503
    assert answer.json["missed"]["tiny-embedder"] == [
        "a page: malformed, KeyError: 'first_numbers'"
    ]


def test_a_server_without_a_model_is_not_ready_and_says_how_to_install_one(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.service.library, "_opened", {})
    answer = server.get("/readyz")
    assert answer.status == 503
    assert "textfn models pull" in answer.json["reason"]
    assert server.get("/livez").status == 200


def test_a_server_with_more_to_do_than_it_can_is_not_ready(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.service.host, "semaphore", threading.Semaphore(0))
    assert server.get("/readyz").status == 429
    assert server.get("/livez").status == 200
