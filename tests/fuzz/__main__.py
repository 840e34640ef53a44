"""`make fuzz`: fuzz bodies of requests to the whole application, guided by coverage.

An input is a line whose bytes choose a route, and a body. The answer must always be JSON with a
status below 500, in the format of the dialect, and must have no null in place of a number.
libFuzzer's options may follow: https://llvm.org/docs/LibFuzzer.html#options.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import atheris
import orjson

TESTS = Path(__file__).parent.parent
os.environ["TEXTFN_MODELS_DIR"] = str(TESTS / "fixtures" / "models")
sys.path.insert(0, str(TESTS.parent))

with atheris.instrument_imports(include=["functions", "shared"]):
    from functions.local import open_app
    from shared.settings import Settings

RUN = "/client/v4/accounts/me/ai/run/"
PATHS = [
    RUN + "tiny-embedder",
    RUN + "tiny-sentiment",
    "/models/test/tiny-embedder",
    "/models/test/tiny-sentiment",
    "/models/test/tiny-embedder/pipeline/sentence-similarity",
    "/pipeline/feature-extraction/test/tiny-embedder",
    "/v1/embeddings",
    "/embed",
    "/similarity",
    "/predict",
    "/tokenize",
]
QUERY = {"/embed": "tiny-embedder", "/similarity": "tiny-embedder", "/predict": "tiny-sentiment"}


class Here(Executor):
    """An executor without threads: in a thread the fuzzer does not see what was covered."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(function(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


async def ask(path: str, query: str, body: bytes) -> tuple[int, bytes]:
    sent: list[Any] = []
    unread = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if unread:
            return unread.pop()
        await asyncio.Event().wait()  # the client stays
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST"}
    scope |= {"path": path, "raw_path": path.encode(), "query_string": query.encode()}
    scope |= {"root_path": "", "scheme": "http", "headers": [(b"x-use-cache", b"false")]}
    scope |= {"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2)}
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:])


def check(path: str, status: int, content: bytes) -> None:
    answer = orjson.loads(content)
    assert status < 500 and status != 424, (path, status)
    if status == 200:
        assert b"null" not in content or path == "/tokenize", path
    elif path.startswith(RUN):
        assert answer["success"] is False and answer["errors"][0]["code"] >= 1000
    else:
        assert answer["error"], path


def one(data: bytes) -> None:
    route, _, body = data.partition(b"\n")
    path = PATHS[sum(route) % len(PATHS)]
    query = f"model={QUERY[path]}" if path in QUERY else ""
    check(path, *loop.run_until_complete(ask(path, query, body)))


logging.getLogger("textfn").setLevel(logging.CRITICAL)
app = open_app(Settings.read(), loopback=True)
app.state.service.host.threads = Here()
loop = asyncio.new_event_loop()
atheris.Setup(sys.argv, one)
atheris.Fuzz()
