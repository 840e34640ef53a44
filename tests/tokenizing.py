"""Bounded tokenizers, tokenizers that read everything, and texts that are hard to cut."""

from pathlib import Path

from graphs import CHECKPOINTS
from tokenizers import Tokenizer

from shared.inference.tokenization import Tokenization
from shared.manifest import BUNDLED

TOKENIZER = BUNDLED / "all-minilm-l6-v2" / "tokenizer.json"
MEGABYTE = 1_000_000

# Pieces that are hard to cut: special tokens, marks, controls, ideographs, expanding characters.
BERT_PIECES = [
    *"ab  \t\n!,[]='-\u2026\u3002\u300c",
    *("[CLS]", "[SEP]", "[MASK]", "[C", "[M", "[[", "hello", "the ", "##ing", "a" * 110),
    *("\u00e9", "e\u0301", "\u0301", "\u0338", "\u200d", "\u00a0", "\u2028", "\u3000", "\0"),
    *("\u6f22", "\ud55c", "\u0130", "\u00df", "\ufdfa", "\ufeff", "\u093e", "\U0001f600"),
]

# Pieces that are hard to cut: special tokens that eat blanks, blanks that become one, marks,
# characters that become blanks or vanish, and the mark that stands for a blank.
PIECES = [
    *"ab  \t\n!,<>/='-\u2581\u2026\u3002",
    *("<s>", "</s>", "<mask>", " <mask> ", "<Q>", "<", "[UNK]", "<m", "hello", "the ", "a" * 110),
    *(
        "\u00e9",
        "e\u0301",
        "\u0301",
        "\u200d",
        "\u200b",
        "\u00a0",
        "\u2028",
        "\u3000",
        "\0",
        "\ufb01",
    ),
    *("\u6f22", "\ud55c", "\u0434\u0430", "\u05e9", "\u0639", "\ufdfa", "\ufeff", "\U0001f600"),
]


def everything(max_tokens: int, direction: str = "right") -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens, direction=direction)
    return tokenizer


def opened(path: Path, direction: str) -> tuple[Tokenization, Tokenizer]:
    """Open the bounded tokenizer and the one that reads everything; both cut to 16 tokens."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(16, direction=direction)
    return Tokenization(path, 16), tokenizer


OPENED = {
    (name, direction): opened(CHECKPOINTS / name / "tokenizer.json", direction)
    for name in ("tiny-mpnet", "tiny-xlm-roberta")
    for direction in ("right", "left")
}
