"""The requests of the documents, replayed as the bytes that left curl, node and requests.

tests/documents/*.http were recorded from those clients; the names say which example sent them. An
example that cannot run as printed (a missing comma, a bare name) was recorded as it was meant.
"""

from collections.abc import Callable

import pytest
from conftest import TESTS, Answer, Server

HAPPY = [0.6945773363, 0.9429150820, 0.2568760813]  # published by Hugging Face


def scores(answer: Answer) -> None:
    assert answer.status == 200
    assert answer.json["success"] is True
    first, second = answer.json["result"]
    # fp32: 0.5041482, 0.3047245; the two numbers that the document prints are made up
    assert first == pytest.approx(0.5041482, abs=0.02)
    assert second == pytest.approx(0.3047245, abs=0.02)


def happy(answer: Answer) -> None:
    assert answer.status == 200
    assert answer.json == pytest.approx(HAPPY, abs=0.02)
    assert answer.headers["textfn-model"].endswith(
        "; stand-in for sentence-transformers/all-mpnet-base-v2"
    )


def refused(status: int, code: int, message: str, help: str = "") -> Callable[[Answer], None]:
    def check(answer: Answer) -> None:
        assert answer.status == status
        assert answer.json["success"] is False
        assert answer.json["errors"][0]["code"] == code
        assert message in answer.json["errors"][0]["message"]
        assert help in " ".join(each["message"] for each in answer.json["messages"])

    return check


def not_installed(answer: Answer) -> None:
    assert answer.status == 404
    assert "textfn models pull mfaq" in answer.json["error"]


bge_not_installed = refused(400, 5007, "No such model", "textfn models pull bge-base-en-v1.5")


def positive(answer: Answer) -> None:
    assert answer.status == 200
    best, other = answer.json["result"]  # an array: `items` in the document is a slip of its author
    assert (best["label"], other["label"]) == ("POSITIVE", "NEGATIVE")
    assert best["score"] > 0.9  # 0.99987 there is another model's score of another text
    assert answer.headers["textfn-model"].endswith(
        "; stand-in for @cf/huggingface/distilbert-sst-2-int8"
    )


EXPECTED = {
    "000-curl": refused(400, 5006, "Type mismatch of '/', 'object' not in 'array'"),
    "000-node": scores,
    "000-python-quoted": scores,
    "001-curl": happy,
    "001-python": happy,
    "001-table": happy,
    "001-mfaq": not_installed,
    "002-node-with-input": bge_not_installed,
    "002-python-quoted": bge_not_installed,
    "002-worker-over-http": bge_not_installed,
    "002-curl-first-request": refused(400, 5006, "SyntaxError"),
    "003-curl": positive,
    "003-node": positive,
    "003-python": positive,
    "004-node": positive,
    "004-python-quoted": refused(
        400,
        5007,
        "No such model @cf/huggingface/distilbert-sst-2-int88 or task",
        "Did you mean @cf/huggingface/distilbert-sst-2-int8",
    ),
    "004-curl": refused(400, 5007, "No such model @cf/meta/llama-2-7b-chat-int8", "served here"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_documented_request_is_answered(server: Server, name: str) -> None:
    EXPECTED[name](server.raw((TESTS / "documents" / f"{name}.http").read_bytes()))


def test_every_recorded_request_is_replayed() -> None:
    assert {path.stem for path in (TESTS / "documents").glob("*.http")} == set(EXPECTED)
