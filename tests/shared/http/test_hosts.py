"""What differs between a server and Lambda, as a client and an operator notice it."""

import asyncio
import hashlib
import logging
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
import ssm
from conftest import Server
from lambda_events import event

from functions import catalogue
from shared.http import access, hosts
from shared.http.access import Access
from shared.http.lambda_adapter import start
from shared.names import Catalogue
from shared.settings import Settings

T = TypeVar("T")
RUN = "/client/v4/accounts/me/ai/run/all-minilm-l6-v2"


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@pytest.fixture
def parameter(server: Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The server of the tests with its API tokens in a parameter of SSM."""
    parameter = ssm.Parameter(hash_of("old"))
    with ssm.running(parameter) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        made = Access(Settings(tokens_parameter="/textfn/tokens"))
        made.read()
        server.replace(monkeypatch, access=made)
        yield parameter


def ask(server: Server, token: str) -> int:
    return server.post(RUN, {"text": "hello"}, authorization=f"Bearer {token}").status


def test_no_request_waits_for_the_parameter_and_a_rotated_token_works_soon(
    server: Server, parameter: ssm.Parameter
) -> None:
    assert (ask(server, "old"), ask(server, "new")) == (200, 401)
    parameter.value = hash_of("new")
    parameter.answers.clear()
    server.service.access.forget()
    began = time.perf_counter()
    assert server.get("/health").status == 200
    assert parameter.reads == 1
    assert (ask(server, "old"), ask(server, "new")) == (200, 401)
    assert time.perf_counter() - began < access.SSM_TIMEOUTS["read_timeout"]
    parameter.answers.set()
    until = time.monotonic() + 20
    while ask(server, "new") != 200 and time.monotonic() < until:
        time.sleep(0.05)
    assert (ask(server, "new"), ask(server, "old")) == (200, 401)
    assert parameter.reads == 2  # one reader, however many requests came meanwhile


def test_what_was_read_stays_valid_if_the_parameter_does_not_answer(
    server: Server, parameter: ssm.Parameter, caplog: pytest.LogCaptureFixture
) -> None:
    parameter.answers.clear()
    server.service.access.forget()
    server.service.access.read()
    assert "the API tokens read before stay valid" in caplog.text
    assert ask(server, "old") == 200


@pytest.mark.parametrize(("level", "lines"), [("info", 1), ("error", 0)])
def test_the_log_level_counts_on_lambda(
    level: str, lines: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = logging.getLogger("textfn")
    monkeypatch.setattr(log, "level", log.level)
    monkeypatch.setattr(log, "_cache", {})
    catalogue.handler(event("2.0", "/nowhere", {}), None)
    monkeypatch.setitem(catalogue.app.state._state, "service", catalogue.app.state.service)
    start(catalogue.app, Catalogue.read, {"TEXTFN_LOG_LEVEL": level, "TEXTFN_METRICS": "off"})
    capsys.readouterr()
    catalogue.handler(event("2.0", "/nowhere", {}), None)
    assert len(capsys.readouterr().out.splitlines()) == lines
    assert log.isEnabledFor(logging.INFO) == (level == "info")


def done(work: Coroutine[Any, Any, T]) -> T:
    """In a thread of its own: asyncio.run drops the event loop that Mangum made in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def test_a_server_looks_at_the_disk_at_most_once_per_second_and_one_look_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(hosts, "time", SimpleNamespace(monotonic=lambda: now[0]))
    host, going_on = hosts.Server(Settings()), threading.Event()

    async def looks() -> list[str | None]:
        slow = asyncio.create_task(host.look(lambda: going_on.wait(10) and "slow"))
        await asyncio.sleep(0.05)
        meanwhile = await host.look(lambda: "meanwhile")
        going_on.set()
        found = [meanwhile, await slow]
        for seconds in (0.5, 0.6):
            now[0] += seconds
            found.append(await host.look(lambda: "later"))
        return found

    assert done(looks()) == [None, "slow", None, "later"]


def test_a_function_does_not_look_at_the_disk() -> None:
    assert done(hosts.Lambda(Settings()).look(lambda: pytest.fail("it looked"))) is None
