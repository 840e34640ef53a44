"""Token ids of a long text from a part of it, if the part decides them.

A tokenizer reads a whole text before it truncates: one megabyte costs seconds for 256 ids. It
tokenizes words one by one, so a part has the same words as the whole text, except for a few words
next to the cut. A part decides the ids if enough words follow the last token that is kept.
"""

import re
from collections.abc import Iterable, Sequence

from tokenizers import Encoding, Tokenizer
from tokenizers import pre_tokenizers as pre

# Token ids, and whether the text was truncated.
Encoded = tuple[list[int], bool]

# Lengths of the parts to try, in characters per token of the maximum. An English token has about 5
# characters; an unknown WordPiece word has up to 100, and a blank.
SHORT_PARTS = (8, 32)
LONG_PARTS = (128,)
# The most characters of a refused text that are tokenized only to count its tokens.
COUNTED = 16_384

# These pre-tokenizers look only at a character and its neighbours to decide where a word ends.
LOCAL = (pre.BertPreTokenizer, pre.Metaspace, pre.WhitespaceSplit)

# Letters and digits on which all Unicode versions agree, and which stay letters and digits when
# they are normalized. Marks that follow one of them never join it to the character before.
LETTERS = (
    "0-9A-Za-z\u00c0-\u024f\u0391-\u03a1\u03a3-\u03c9\u0410-\u044f\u05d0-\u05ea"
    "\u0621-\u063a\u0641-\u064a\u0904-\u0939\u3041-\u3096\u30a1-\u30fa\uac00-\ud7a3"
)
IDEOGRAPHS = "\u4e00-\u9fff"
# All other pre-tokenizers end a word at a single blank between two letters.
BLANK = re.compile(f"(?<=[{LETTERS}{IDEOGRAPHS}]) (?=[{LETTERS}{IDEOGRAPHS}])")


class Part:
    """Encodes parts of long texts with a tokenizer that truncates.

    A part is taken from the side of the text that the tokenizer keeps: the start if it truncates on
    the "right", the end if it truncates on the "left".
    """

    def __init__(self, tokenizer: Tokenizer, max_tokens: int, direction: str) -> None:
        self._tokenizer, self._max_tokens = tokenizer, max_tokens
        self._keeps_start = direction == "right"
        self._is_local = ends_words_locally(tokenizer)
        self._uncertain = uncertain_words(tokenizer)

    def short(self, text: str) -> Encoded | None:
        """Return the ids of a text that a short part decides; None if no short part does."""
        return self._first_decisive(text, SHORT_PARTS)

    def long(self, text: str) -> Encoded | None:
        """Return the ids of a text that a long part decides; None if no long part does."""
        return self._first_decisive(text, LONG_PARTS)

    def count(self, text: str) -> str:
        """Count the tokens of a text that is too long: "<number>" or "<number> or more"."""
        special = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        if len(text) <= COUNTED:
            return f"{special + len(self._words(text))}"
        words = self._words(self._part(text, COUNTED))
        certain = sum(abs(self._at_cut(words) - word) >= self._uncertain for word in words)
        return f"{max(special + certain, self._max_tokens + 1)} or more"

    def _first_decisive(self, text: str, parts: Sequence[int]) -> Encoded | None:
        for characters in parts:
            if (length := self._max_tokens * characters) < len(text):
                encoding = self._tokenizer.encode(self._part(text, length))
                if self._words_beyond(encoding) >= self._uncertain:
                    return encoding.ids, True
        return None

    def _part(self, text: str, length: int) -> str:
        """About `length` characters from the side that is kept, with no blank at the cut.

        An added token such as "<mask>" may absorb all blanks beside it, so a part that ended in
        blanks could have words that the whole text does not have.
        """
        part = text[:length] if self._keeps_start else text[-length:]
        if self._is_local:
            return part.rstrip() if self._keeps_start else part.lstrip()
        blanks = [match.start() for match in BLANK.finditer(part)]
        if not blanks:
            return ""
        return part[: blanks[-1]] if self._keeps_start else part[blanks[0] :]

    def _words(self, text: str) -> list[int]:
        encoding = self._tokenizer.encode(text)
        return word_numbers([encoding, *encoding.overflowing])

    def _words_beyond(self, encoding: Encoding) -> int:
        """The number of words between the last kept token and the cut; 0 if all are kept."""
        kept, words = word_numbers([encoding]), word_numbers([encoding, *encoding.overflowing])
        if len(words) == len(kept):
            return 0
        return abs(self._at_cut(words) - self._at_cut(kept))

    def _at_cut(self, words: Sequence[int]) -> int:
        return words[-1] if self._keeps_start else words[0]


def ends_words_locally(tokenizer: Tokenizer) -> bool:
    """Tell whether the characters at a cut decide the words there, however long the text is.

    Overlapping added tokens prevent that: the first match of a long series decides all others.
    """
    first = tokenizer.pre_tokenizer
    steps = iter(first) if isinstance(first, pre.Sequence) else [first]
    return all(isinstance(step, LOCAL) for step in steps) and not _overlap(added_tokens(tokenizer))


def uncertain_words(tokenizer: Tokenizer) -> int:
    """Return the number of words next to a cut that may differ from those of the whole text.

    The last word may go on behind the cut. The word before it may be joined to it by marks, because
    a normalizer looks at a character, its marks and the blanks beside it. The others may be the
    start of an added token, which is matched before or after normalization: each of its characters
    is one word at most.
    """
    added, normalizer = added_tokens(tokenizer), tokenizer.normalizer
    normalized = [normalizer.normalize_str(token) for token in added] if normalizer else []
    return 2 + 2 * max(map(len, [*added, *normalized]), default=0)


def added_tokens(tokenizer: Tokenizer) -> list[str]:
    """Return the tokens that are matched before a text is split into words, such as "[MASK]"."""
    return [token.content for token in tokenizer.get_added_tokens_decoder().values()]


def word_numbers(encodings: Iterable[Encoding]) -> list[int]:
    """Return the number of each token's word, in ascending order. Special tokens have none."""
    numbers = (number for encoding in encodings for number in encoding.word_ids)
    return sorted(number for number in numbers if number is not None)


def _overlap(tokens: Iterable[str]) -> bool:
    """Tell whether a token may start with the end of another one, or of itself."""
    starts = {token[:length] for token in tokens for length in range(1, len(token))}
    return any(token[start:] in starts for token in tokens for start in range(1, len(token)))
