"""`textfn models add` as a person runs it."""

from collections.abc import Iterator
from pathlib import Path

import encoders
import pytest
from adding import added, models_in
from encoders import MEAN

from textfn.__main__ import main


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with models_in(tmp_path / "models", monkeypatch) as folder:
        yield folder


def test_an_added_model_is_listed_verified_and_removed(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = added(models, encoders.write(tmp_path / "toy", **{"1_Pooling__config": MEAN}))
    assert capsys.readouterr().out == (
        f"toy is installed: {manifest.folder}\n"
        "8 dimensions, 32 tokens, mean pooling, not normalized\n"
    )
    assert main(["models", "verify", "toy"]) == 0
    assert main(["models", "list"]) == 0
    assert "toy " in capsys.readouterr().out
    assert main(["models", "add", str(tmp_path / "toy")]) == 1
    assert f"toy is installed: {manifest.folder}" in capsys.readouterr().err
    assert main(["models", "remove", "toy"]) == 0
    assert not manifest.folder.exists()
