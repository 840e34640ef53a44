import gzip
from pathlib import Path

import numpy as np
import pytest

from textfn.__main__ import main
from textfn.checking.scores import calibration_error, spearman


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
    assert "Spearman  1.0000" in capsys.readouterr().out


def test_calibration_error_is_the_gap_of_confidence_and_accuracy() -> None:
    # two texts at 0.75 of which one is right: 0.25; two at 0.95, both right: 0.05
    probabilities = np.array([[0.75, 0.25], [0.25, 0.75], [0.95, 0.05], [0.05, 0.95]])
    truth = np.array([0, 0, 0, 1])
    assert calibration_error(probabilities, truth) == pytest.approx((2 * 0.25 + 2 * 0.05) / 4)


@pytest.mark.parametrize("name", ["reviews.tsv", "reviews.tsv.gz"])
def test_a_classifier_is_scored_on_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    opened = gzip.open if name.endswith(".gz") else open
    with opened(tmp_path / name, "wt") as file:
        file.write("label\ttext\n1\tThis pizza is great!\nNEGATIVE\tThis pizza is awful!\n")
        file.write("0\tThis pizza is great! " + "pizza " * 40 + "\n")
    assert main(["models", "evaluate", "tiny-sentiment", str(tmp_path / name)]) == 0
    printed = capsys.readouterr().out
    assert "accuracy  0.6667" in printed
    assert "NEGATIVE: 1 of 2" in printed
    assert "POSITIVE: 1 of 1" in printed
    assert "1 of 3 were longer than the model takes" in printed


@pytest.mark.parametrize(
    ("content", "model", "message"),
    [
        (None, "all-minilm-l6-v2", "No such file"),
        ("score\ta\tb\nmuch\tx\ty\n", "all-minilm-l6-v2", "much"),
        ("score\ta\tb\n1\tx\n", "all-minilm-l6-v2", "line 2"),
        ("score\ta\tb\n1\tx\ty\n", "unheard-of", "No such model"),
        ("label\ttext\nmaybe\tx\n", "tiny-sentiment", "'maybe' is none of NEGATIVE, POSITIVE"),
        ("label\ttext\n", "tiny-sentiment", "no line after its header"),
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
