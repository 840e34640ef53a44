"""`textfn models verify`, in the process of the tests."""

import pytest

from textfn.__main__ import main


def test_the_installed_models_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify"]) == 0
    assert "all-minilm-l6-v2: right (3 files, 2 published references)" in capsys.readouterr().out


def test_a_model_that_is_not_installed_is_not_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify", "mfaq"]) == 1
    assert "mfaq: not installed here: textfn models pull mfaq" in capsys.readouterr().err
    assert main(["models", "verify", "nothing"]) == 1
    assert "No such model nothing" in capsys.readouterr().err
