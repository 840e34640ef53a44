"""`textfn cost` as a person runs it."""

import pytest
from conftest import TESTS

from textfn.__main__ import main
from textfn.pricing.pricing import PRICES

GIVEN = ["cost", "bge-base-en-v1.5", "--tokens-per-second", "3000"]


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


@pytest.mark.parametrize(
    "wrong", [["--memory", "64"], ["--texts-a-request", "0"], ["--tokens-per-second", "-1"]]
)
def test_a_wrong_option_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", *wrong]) == 2
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
