from pathlib import Path

import numpy as np
import pytest

from tools.cli import main
from tools.evaluate import spearman


def test_spearman_is_the_correlation_of_ranks() -> None:
    rising = np.array([1.0, 2.0, 3.0, 4.0])
    assert spearman(rising, np.exp(rising)) == pytest.approx(1)
    assert spearman(rising, -rising) == pytest.approx(-1)
    # scipy.stats.spearmanr([1, 2, 2, 3, 5], [2, 1, 4, 4, 5]) is 0.7631578947368419
    ties = spearman(np.array([1.0, 2, 2, 3, 5]), np.array([2.0, 1, 4, 4, 5]))
    assert ties == pytest.approx(0.7631578947368419)


def test_a_model_is_scored_on_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text(
        "score\tsentence1\tsentence2\n"
        "5\tA man plays a guitar.\tA man is playing a guitar.\n"
        "2.5\tA man plays a guitar.\tA woman plays a violin.\n"
        '0\tA man plays a guitar.\tThe "stock market" fell.\n'
    )
    assert main(["models", "evaluate", "all-minilm-l6-v2", str(pairs)]) == 0
    assert "Spearman 1.0000 on 3 pairs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "model", "message"),
    [
        (None, "all-minilm-l6-v2", "No such file"),
        ("score\ta\tb\nmuch\tx\ty\n", "all-minilm-l6-v2", "much"),
        ("score\ta\tb\n1\tx\n", "all-minilm-l6-v2", "line 2"),
        ("score\ta\tb\n1\tx\ty\n", "unheard-of", "No such model"),
    ],
)
def test_what_cannot_be_scored_is_a_plain_message(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: str | None,
    model: str,
    message: str,
) -> None:
    file = tmp_path / "pairs.tsv"
    if content is not None:
        file.write_text(content)
    assert main(["models", "evaluate", model, str(file)]) == 1
    assert message in capsys.readouterr().err
