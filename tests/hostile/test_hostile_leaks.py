"""A text and a token that would be recognized, sent through every route and every failure.

Neither may be in a log, at any level, nor on a screen, nor in an answer. Names of models, paths and
fields are no texts: errors say them, without what a terminal or a log would take for more.
"""

import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from conftest import Server
from hostile import RUN, exchange, head

TEXT, TOKEN = "canary-4d6f-text", "canary-9b1e-token"
HERE = [
    (RUN, {"text": TEXT}),
    (RUN, {"text": [TEXT, "b"], "pooling": TEXT}),
    (RUN, {"source": TEXT, "sentences": [TEXT]}),
    (RUN, {"source": TEXT, "sentences": TEXT}),
    (RUN, {"text": [TEXT] * 101}),
    (RUN, {"text": [TEXT, ""]}),
    (RUN, {"text": {"a": TEXT}}),
    (RUN, {"prompt": TEXT}),
    (RUN, {"requests": [{"text": TEXT}]}),
    (RUN, [TEXT]),
    (RUN, TEXT),
    ("/client/v4/accounts/me/ai/run/tiny-sentiment", {"text": TEXT}),
    ("/client/v4/accounts/me/ai/run/bge-base-en-v1.5", {"text": TEXT}),
    ("/client/v4/accounts/me/ai/run/unknown", {"text": TEXT}),
    ("/client/v4/nowhere", {"text": TEXT}),
    ("/models/all-minilm-l6-v2", {"inputs": TEXT, "truncate": TEXT}),
    ("/models/all-minilm-l6-v2", {"inputs": TEXT, "parameters": TEXT}),
    ("/models/all-minilm-l6-v2", {"inputs": TEXT * 5_000, "truncate": False}),
    ("/models/all-minilm-l6-v2", {"inputs": {"source_sentence": TEXT, "sentences": [TEXT]}}),
    ("/models/tiny-sentiment", {"inputs": TEXT, "top_k": TEXT}),
    ("/models/tiny-sentiment", {"inputs": TEXT, "function_to_apply": TEXT}),
    ("/pipeline/feature-extraction/all-minilm-l6-v2", {"inputs": [TEXT, 5]}),
    ("/v1/embeddings", {"model": "all-minilm-l6-v2", "input": TEXT}),
    ("/v1/embeddings", {"model": "all-minilm-l6-v2", "input": [TEXT], "encoding_format": TEXT}),
    ("/v1/embeddings", {"model": "all-minilm-l6-v2", "input": TEXT, "dimensions": TEXT}),
    ("/v1/embeddings", {"input": TEXT, "model": 5}),
    ("/embed", {"inputs": TEXT, "prompt_name": TEXT}),
    ("/embed", {"inputs": [TEXT] * 2_049}),
    ("/similarity", {"inputs": {"source_sentence": TEXT, "sentences": []}}),
    ("/predict?model=tiny-sentiment", {"inputs": [[TEXT, TEXT]]}),
    ("/predict?model=tiny-sentiment", {"inputs": TEXT, "raw_scores": TEXT}),
    ("/tokenize", {"inputs": TEXT * 10_000}),
    ("/models", {"inputs": TEXT}),
]
BROKEN = [
    b'{"text": "%s' % TEXT.encode(),
    b'{"text": "%s\xff"}' % TEXT.encode(),
    b'{"text": "%s\\ud800"}' % TEXT.encode(),
    b"%s" % TEXT.encode(),
    b'{"%s": %s}' % (TEXT.encode(), TEXT.encode()),
    b'{"text": "%s", }' % TEXT.encode(),
]


class Log(logging.Handler):
    """All that any logger is given, as text with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.written = io.StringIO()

    def emit(self, record: logging.LogRecord) -> None:
        self.written.write(f"{logging.Formatter().format(record)} {record.args!r}\n")


@pytest.fixture
def log() -> Iterator[Log]:
    """Every logger at its most talkative."""
    handler, root = Log(), logging.getLogger()
    loggers = [root, *map(logging.getLogger, ("uvicorn", "uvicorn.error", "uvicorn.access"))]
    before = [(each, each.level) for each in [*loggers, logging.getLogger("textfn")]]
    for each, _ in before:
        each.setLevel(logging.DEBUG)
    for each in loggers:
        each.addHandler(handler)
    yield handler
    for each in loggers:
        each.removeHandler(handler)
    for each, level in before:
        each.setLevel(level)


def sent(server: Server) -> list[bytes]:
    """The answers to every canary."""
    token = {"authorization": f"Bearer {TOKEN}", "x_auth_key": TOKEN, "cookie": TOKEN}
    answers = [server.post(path, body, **token) for path, body in HERE]
    answers += [server.post(path, body, **token) for path, _ in HERE[::5] for body in BROKEN]
    content = json.dumps({"text": TEXT}).encode()
    return [
        *(answer.body + repr(answer.headers).encode() for answer in answers),
        exchange(server, head(RUN, f"Authorization: {TOKEN}", "Content-Length: -1") + content),
        exchange(server, head(RUN, "Content-Length: 900") + content, half_closed=True),
        exchange(server, content + b"\r\n\r\n"),
    ]


def test_no_canary_is_logged_printed_or_answered(
    server: Server, log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    answers = sent(server)
    assert len(answers) > 60
    captured = capfd.readouterr()
    for output in (log.written.getvalue(), captured.out, captured.err):
        assert TEXT not in output
        assert TOKEN not in output
    for answer in answers:
        assert TEXT.encode() not in answer
        assert TOKEN.encode() not in answer
    assert "POST" in log.written.getvalue()  # so the log was looked at


def test_no_canary_is_told_when_the_model_fails(
    server: Server,
    log: Log,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from shared.inference.model import Model
    from shared.inference.tokenization import Tokenization

    def fail(*_: object) -> None:
        raise ArithmeticError("a fault of the model")

    for owner, name in ((Model, "_infer"), (Tokenization, "encode"), (Model, "_rows")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, fail)
            answers = sent(server)
        assert any(b"nternal server error" in answer for answer in answers)
        for answer in answers:
            assert TEXT.encode() not in answer and TOKEN.encode() not in answer
            assert b"a fault of the model" not in answer and b"Traceback" not in answer
    captured = capfd.readouterr()
    for output in (log.written.getvalue(), captured.out, captured.err):
        assert TEXT not in output
        assert TOKEN not in output
    assert "ArithmeticError" in log.written.getvalue()


def test_no_canary_is_told_to_whom_has_no_token(
    server: Server, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.set(monkeypatch, tokens=frozenset({b"\0" * 32}))
    for answer in sent(server):
        assert TEXT.encode() not in answer and TOKEN.encode() not in answer
    assert TEXT not in log.written.getvalue() and TOKEN not in log.written.getvalue()


def test_tokenize_alone_gives_a_text_back(server: Server, log: Log) -> None:
    answer = server.post("/tokenize", {"inputs": TEXT})
    assert "".join(token["text"] for token in answer.json[0] if not token["special"]) == TEXT
    assert TEXT not in log.written.getvalue()


def test_a_server_at_its_most_talkative_prints_no_canary() -> None:
    environment = os.environ | {"TEXTFN_LOG_LEVEL": "debug"}
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-m", "textfn", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    while not (port := re.search(r"127\.0\.0\.1:(\d+)", first)):
        first = process.stdout.readline()
    sent(Server(int(port[1]), None))
    process.terminate()
    printed, _ = process.communicate(timeout=30)
    assert "POST /client/v4" in printed
    assert TEXT not in printed
    assert TOKEN not in printed
