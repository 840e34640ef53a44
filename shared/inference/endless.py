"""Token ids of texts whose words are so long that a part holds too few of them.

`Runs` serves WordPiece (BERT), `Beginning` serves Unigram (XLM-R). The first long text computes the
values that only long texts need; two threads that do so at once get equal values.
"""

import functools
import re
import string

from tokenizers import Tokenizer
from tokenizers.models import Unigram, WordPiece
from tokenizers.normalizers import BertNormalizer

from shared.inference.part import (
    IDEOGRAPHS,
    LETTERS,
    SHORT_PARTS,
    Encoded,
    added_tokens,
    ends_words_locally,
)

# From this length on, in characters, a text costs more to tokenize than to search for long words.
ENDLESS = 65_536

BLANKS, MARKS = " \t\n\r", "\u0300-\u036f\ufe00-\ufe0f"
FORMATS = "\u200b-\u200f\u202a-\u202e\u2060-\u2064"


class Runs:
    """Shortens long runs of letters, blanks, marks or format characters for WordPiece.

    A word of more than `max_input_chars_per_word` characters is unknown, whatever follows. BERT's
    normalizer handles characters one by one: it keeps letters, splits at blanks, and keeps or drops
    marks and format characters. So a run has the same tokens as its start, if that is long enough
    to be such a word.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def shorten(self, text: str) -> str:
        """Return a shorter text with the same tokens; the text itself if it has no long run."""
        if len(text) < ENDLESS or not self._runs:
            return text
        return self._runs.sub(r"\1\2\3\4", text)

    @functools.cached_property
    def _runs(self) -> re.Pattern[str] | None:
        """The pattern of a run. Its start is the one group that matches. None if not a BERT."""
        model, normalizer = self._tokenizer.model, self._tokenizer.normalizer
        if not (isinstance(model, WordPiece) and isinstance(normalizer, BertNormalizer)):
            return None
        if not (ends_words_locally(self._tokenizer) and self._brackets_added_tokens()):
            return None
        length = 2 * model.max_input_chars_per_word  # with a margin
        classes = (LETTERS, BLANKS, MARKS, FORMATS)
        return re.compile("|".join(f"([{each}]{{{length}}})[{each}]+" for each in classes))

    def _brackets_added_tokens(self) -> bool:
        """Tell whether punctuation encloses each added token, so that none can lie in a run."""
        ends = (end for token in added_tokens(self._tokenizer) for end in (token[0], token[-1]))
        return all(end in string.punctuation for end in ends)


class Beginning:
    """Encodes the beginning of a long Unigram word, if it decides the ids of the whole text.

    Unigram finds the best path through a word from left to right: the best path up to a position is
    the best path of the text that ends there. Let the longest token of the vocabulary have n
    characters. Then every path has a token that ends at one of n consecutive positions. If the
    texts that end at these positions all begin with the same ids, so does the whole text.

    "aaaa..." has no such beginning: its end decides where its tokens are cut.
    """

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        self._tokenizer, self._max_tokens = tokenizer, max_tokens
        self._added = added_tokens(tokenizer)
        self._applies = isinstance(tokenizer.model, Unigram) and ends_words_locally(tokenizer)

    def encode(self, text: str) -> Encoded | None:
        """Return the ids of a long text; None if its beginning does not decide them."""
        if len(text) < ENDLESS or not self._applies:
            return None
        for characters in SHORT_PARTS:
            positions = self._positions(text, self._max_tokens * characters)
            encodings = (self._tokenizer.encode(text[:position]) for position in positions)
            first = next(encodings, None)
            if first and first.overflowing:
                return (
                    (first.ids, True) if all(each.ids == first.ids for each in encodings) else None
                )
        return None

    def _positions(self, text: str, length: int) -> range:
        """Return consecutive positions in the second half of a part, `_longest` in number.

        They lie between characters that normalization does not change. On both sides stand
        `_longest` more such characters, so that no added token can lie across a position.
        """
        match = self._plain.match(text, length // 2, length)
        if not match:
            return range(0)
        plain = text[match.end() - 3 * self._longest : match.end()]
        normalizer = self._tokenizer.normalizer
        if normalizer and normalizer.normalize_str(plain) != plain:
            return range(0)
        if any(token in plain for token in self._added):
            return range(0)
        end = match.end() - self._longest
        return range(end - self._longest + 1, end + 1)

    @functools.cached_property
    def _longest(self) -> int:
        """The length of the longest token, in characters. The search takes 0.1 s."""
        return max(map(len, self._tokenizer.get_vocab()))

    @functools.cached_property
    def _plain(self) -> re.Pattern[str]:
        """Matches up to the last run of characters that normalization is expected to keep."""
        return re.compile(f"[\\s\\S]*[!-~{LETTERS}{IDEOGRAPHS}]{{{3 * self._longest}}}")
