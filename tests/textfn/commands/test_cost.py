"""`textfn cost`. The dollars were worked out by hand from the prices, a line of sums each."""

import json
from datetime import date
from typing import Any

import pytest
from conftest import TESTS

from textfn.__main__ import main
from textfn.pricing import measuring
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


def test_the_table_says_what_is_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*GIVEN, "--texts-a-request", "7", "--init-ms", "500"]) == 0
    shown = capsys.readouterr().out
    assert "texts of 29 tokens" in shown
    assert (
        "      7       3,000       68    0.280     0.029     0.143     0.451   0.308  0.0156"
        in shown
    )
    assert "A cold start of 500 ms: $0.0000144" in shown and "$0.144 more per million" in shown
    assert "$1.943 per million texts, $0.0670 per million tokens" in shown
    assert "Assumed: one vCPU at 1,769 MB" in shown and "free tiers" in shown
    assert "This machine" not in shown and "this machine's" not in shown
    assert all(each["source"] in shown for each in PRICES.values())


def test_an_installed_model_is_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "SECONDS", 0.1)
    assert main(["cost", "minilm-l6-sst2-int8", "--texts-a-request", "10"]) == 0
    shown = capsys.readouterr().out
    assert "this machine's, per second of processor time: not Lambda's" in shown
    assert "@cf/huggingface/distilbert-sst-2-int8, the nearest model with a price" in shown


def test_a_model_that_is_not_here_needs_a_speed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "mfaq"]) == 1
    told = capsys.readouterr().err
    assert "textfn models pull mfaq" in told and "--tokens-per-second" in told
    assert main(["cost", "nothing"]) == 1
    assert "No such model nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", [["--memory", "64"], ["--texts-a-request", "0"], ["--tokens-per-second", "-1"]]
)
def test_a_wrong_option_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["cost", *wrong])
    assert stopped.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_the_help_has_an_example_that_works(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["cost", "--help"])
    shown = capsys.readouterr().out
    assert "exit codes: 0 done; 1" in shown
    example = next(line for line in shown.splitlines() if line.startswith("example: textfn "))
    assert main(example.removeprefix("example: textfn ").split()) == 0


def test_the_table_of_the_docs_is_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    docs = (TESTS.parent / "docs" / "command-line.md").read_text("utf-8")
    command, shown = docs.split("```\ntextfn cost ")[1].split("\n```\n\n```\n")[:2]
    assert main(["cost", *command.split()]) == 0
    assert capsys.readouterr().out.startswith(shown.split("```")[0])


def test_every_price_has_a_source_and_a_date() -> None:
    for each in PRICES.values():
        assert each["source"].startswith("https://") and isinstance(each["date"], date)
