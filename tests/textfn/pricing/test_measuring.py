"""The speed of an installed model."""

import pytest

from textfn.__main__ import main
from textfn.pricing import measuring


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
