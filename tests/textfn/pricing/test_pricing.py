"""The dollars of `textfn cost`, worked out by hand from the prices, a line of sums each."""

import json
from datetime import date
from typing import Any

import pytest

from textfn.__main__ import main
from textfn.pricing.pricing import PRICES

GIVEN = ["cost", "bge-base-en-v1.5", "--tokens-per-second", "3000"]


@pytest.fixture
def figures(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*options: str) -> Any:
        assert main([*GIVEN, "--json", *options]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_the_dollars_of_one_text_and_of_a_hundred_a_request(figures: Any) -> None:
    one, hundred = figures()["rows"]
    # 29 / 3000 s -> 10 ms; 10 ms x 1769 / 1024 GB x 0.0000166667 x 1,000,000 requests = 0.287924
    assert one["ms_a_request"] == 10
    assert one["compute"] == pytest.approx(0.287924, abs=1e-6)
    assert (one["requests"], one["http_api"]) == (0.2, 1.0)
    assert one["million_texts"] == pytest.approx(1.487924, abs=1e-6)
    assert one["by_function_url"] == pytest.approx(0.487924, abs=1e-6)
    assert one["million_tokens"] == pytest.approx(0.0513077, abs=1e-7)
    # 2900 / 3000 s -> 967 ms; x 1769 / 1024 GB x 0.0000166667 x 10,000 requests = 0.278422
    assert hundred["ms_a_request"] == 967
    assert hundred["compute"] == pytest.approx(0.278422, abs=1e-6)
    assert hundred["million_texts"] == pytest.approx(0.290422, abs=1e-6)


def test_arm_is_a_fifth_cheaper(figures: Any) -> None:
    # 10 ms x 1769 / 1024 GB x 0.0000133334 x 1,000,000 requests
    assert figures("--arch", "arm64")["rows"][0]["compute"] == pytest.approx(0.230340, abs=1e-6)


def test_half_the_memory_is_half_the_speed(figures: Any) -> None:
    one = figures("--memory", "885")["rows"][0]
    assert one["ms_a_request"] == 20  # 29 / 3000 s x 1769 / 885 = 19.3 ms
    # 20 ms x 885 / 1024 GB x 0.0000166667 x 1,000,000 requests
    assert one["compute"] == pytest.approx(0.288087, abs=1e-6)


def test_a_second_processor_serves_only_a_request_of_several_runs(figures: Any) -> None:
    one, hundred = figures("--memory", "3538")["rows"]
    assert (one["ms_a_request"], hundred["ms_a_request"]) == (10, 484)
    assert one["compute"] == pytest.approx(0.575848, abs=1e-6)  # twice the gigabytes, no faster


def test_the_same_tokens_on_workers_ai(figures: Any) -> None:
    found = figures("--tokens-a-text", "100")["workers_ai"]
    assert (found["model"], found["same_model"]) == ("@cf/baai/bge-base-en-v1.5", True)
    assert found["million_texts"] == pytest.approx(6.7)  # 100 x 0.067


def test_a_cold_start_is_billed_like_any_time(figures: Any) -> None:
    assert figures()["cold_start"] is None
    found = figures("--init-ms", "500")["cold_start"]  # 0.5 s x 1769 / 1024 GB x 0.0000166667
    assert found == {"init_ms": 500, "dollars": pytest.approx(1.43962e-5, abs=1e-10)}


def test_every_price_has_a_source_and_a_date() -> None:
    for each in PRICES.values():
        assert each["source"].startswith("https://") and isinstance(each["date"], date)
