"""The printed distances between int8 and fp32 are what is measured."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import TESTS
from graphs import CHECKPOINTS, cosines
from opened import embeddings

ROOT = TESTS.parent
PROMISED = re.compile(
    r"^\| all-minilm-l6-v2 \| the 500 of .* \| ([\d.]+) \| ([\d.]+) \|$", re.MULTILINE
)


def test_the_documents_promise_what_torch_confirms() -> None:
    """On the 240 of the 500 texts whose vectors torch computed."""
    ((mean, lowest),) = PROMISED.findall((ROOT / "docs" / "differences.md").read_text("utf-8"))
    texts = (ROOT / "benchmarks" / "sentences.txt").read_text("utf-8").splitlines()
    with np.load(TESTS / "golden" / "references.npz") as references:
        lines, expected = references["lines"], references["vectors"]
    found = cosines(
        embeddings["all-minilm-l6-v2"].embed([texts[n - 1] for n in lines]).values, expected
    )
    assert found.min() >= float(lowest)
    assert found.mean() == pytest.approx(float(mean), abs=0.0003)
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    assert (
        f"cosine of {mean} with the fp32 model's on average, and of {lowest} at the lowest"
        in readme
    )


def test_the_distance_of_a_model_to_its_checkpoint_is_printed(tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("hello world\n\nThis pizza is great!\n", "utf-8")
    command = [
        "-m",
        "benchmarks.fidelity",
        "tiny-embedder",
        str(CHECKPOINTS / "tiny-embedder"),
        str(texts),
    ]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    printed = re.findall(
        r"^tiny-embedder, (\w+), 2 texts: mean cosine (\S+), lowest (\S+)$", done.stdout, re.M
    )
    assert [pooling for pooling, _, _ in printed] == ["cls", "mean"]
    assert all(0.999 <= float(lowest) <= float(mean) <= 1 for _, mean, lowest in printed)
    assert len(re.findall("^  0|^  1", done.stdout, re.M)) == 4
