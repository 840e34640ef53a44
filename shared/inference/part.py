"""A part of a text that decides its ids."""

import re
from collections.abc import Iterable

from tokenizers import Encoding
from tokenizers.pre_tokenizers import BertPreTokenizer, Metaspace, WhitespaceSplit

# The parts that are tried before all of a text, in characters for each token that may be kept. A
# token of English has 5; an unknown word of WordPiece's has up to 100 and a blank.
SHORT_PARTS = (8, 32)
LONG_PARTS = (128,)
# The longest part, in characters, that is counted only to tell how long a refused text is.
COUNTED = 16_384

# Pre-tokenizers that see from a character and its neighbours whether a word ends there.
_LOCAL = (BertPreTokenizer, Metaspace, WhitespaceSplit)

# Letters and digits that no Unicode version disputes and normalization leaves letters and digits.
# Between two of them begins a character of its own, whatever marks follow.
_LETTERS = (
    "0-9A-Za-z\u00c0-\u024f\u0391-\u03a1\u03a3-\u03c9\u0410-\u044f\u05d0-\u05ea"
    "\u0621-\u063a\u0641-\u064a\u0904-\u0939\u3041-\u3096\u30a1-\u30fa\uac00-\ud7a3"
)
_IDEOGRAPHS = "\u4e00-\u9fff"
# Every other pre-tokenizer, too, ends a word at a single blank between two letters.
_BLANK = re.compile(f"(?<=[{_LETTERS}{_IDEOGRAPHS}]) (?=[{_LETTERS}{_IDEOGRAPHS}])")


def _words(encodings: Iterable[Encoding]) -> list[int]:
    """The number of the word that each token is of, in their order; special tokens are of none."""
    numbers = (number for encoding in encodings for number in encoding.word_ids)
    return sorted(number for number in numbers if number is not None)


def _overlap(tokens: list[str]) -> bool:
    """Whether one may begin with the end of another: then which are found depends on the first."""
    beginnings = {token[:length] for token in tokens for length in range(1, len(token))}
    return any(token[start:] in beginnings for token in tokens for start in range(1, len(token)))
