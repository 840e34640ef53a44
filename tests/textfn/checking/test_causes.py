"""`textfn models verify` names the fault that was put into an added model."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from adding import added, models_in
from conftest import TESTS

from shared.manifest import read
from textfn.checking.model import problems

ADDED = TESTS / "fixtures" / "added"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with models_in(tmp_path / "models", monkeypatch) as folder:
        yield folder


def changed(folder: Path, old: str, new: str) -> list[str]:
    """What is found after a line of the manifest was changed, given by patterns."""
    manifest = folder / "manifest.toml"
    text = manifest.read_text("utf-8")
    found, count = re.subn(f"^{old}$", new, text, flags=re.M)
    assert count == 1 and found != text
    manifest.write_text(found, "utf-8")
    return problems(read(folder))


FAULTS = {
    "a padding": (
        "last-token-classifier",
        ("pad_token_id = .*", "pad_token_id = 3"),
        "right without padding: a wrong pad_token_id",
    ),
    "no padding": (
        "last-token-classifier",
        ("pad_token_id = .*", ""),
        "right without padding: a wrong pad_token_id",
    ),
    "a function": (
        "multi-label",
        ('function = "sigmoid"', 'function = "softmax"'),
        "sigmoid gives what softmax should: a wrong function",
    ),
    "no function": (
        "regression",
        ('function = "none"', ""),
        "none gives what softmax should: a wrong function",
    ),
    "labels": (
        "multi-label",
        (
            r'labels = \["LABEL_0", "LABEL_1", "LABEL_2"\]',
            'labels = ["LABEL_2", "LABEL_1", "LABEL_0"]',
        ),
        "right under other labels than LABEL_2, LABEL_1, LABEL_0: swapped",
    ),
    "a pooling": (
        "last-token-embedder",
        (r'pooling = \["last"\]', 'pooling = ["mean"]'),
        "last pooling gives what mean should: a wrong pooling",
    ),
    "a prompt": (
        "lower-cased",
        ('default_prompt = "query"', ""),
        "right with query prompt before the text: a wrong default_prompt",
    ),
    "a length": (
        "lower-cased",
        ("normalize = true", "normalize = false"),
        "right for a vector of unit length: a wrong normalize",
    ),
    "a limit": (
        "lower-cased",
        ("max_tokens = 18", "max_tokens = 16"),
        "16 tokens are left of a long text: a wrong max_tokens",
    ),
    "a limit that is too far": (
        "lower-cased",
        ("max_tokens = 18", "max_tokens = 20"),
        "20 tokens are left of a long text: a wrong max_tokens",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_a_manifest_is_named(models: Path, name: str) -> None:
    model, change, words = FAULTS[name]
    folder = added(models, ADDED / model).folder
    assert problems(read(folder)) == []
    found = changed(folder, *change)
    assert found and any(words in each for each in found)
    if "max_tokens" not in words:
        assert all(words in each for each in found if "off by" in each and ";" in each)


def test_a_tokenizer_that_keeps_capital_letters_is_named(models: Path) -> None:
    folder = added(models, ADDED / "lower-cased").folder
    path = folder / "tokenizer.json"
    digest, tokenizer = hashlib.sha256(path.read_bytes()).hexdigest(), json.loads(path.read_text())
    assert tokenizer["normalizer"]["normalizers"].pop(0) == {"type": "Lowercase"}
    path.write_text(json.dumps(tokenizer), "utf-8")
    signed = hashlib.sha256(path.read_bytes()).hexdigest()
    found = changed(folder, f"(sha256 = .*){digest}(.*)", rf"\g<1>{signed}\g<2>")
    words = "right for the text in lower case: the tokenizer keeps capital letters"
    assert [each for each in found if words in each]
