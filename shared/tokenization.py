"""Text -> token ids: exactly the tokenizer's, at a cost bounded by the ids kept, not by the text.

A tokenizer reads all of a text before it truncates, and WordPiece is quadratic in a word of up to
100 characters: a megabyte of such words costs seconds for 256 ids. Here it is given a prefix that
ends where no token can cross, and a longer one only when that held too few tokens.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer

# The first prefix, in characters: 256 tokens of English are about 1,200.
FIRST_PREFIX = 2048

# White space and punctuation end a word in every BERT pre-tokenizer; each CJK ideograph is a word
# of its own. Normalization works on single characters, so what follows cannot undo this.
_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_OTHER_BOUNDARIES = " \t\n\r\u2010-\u2027\u3001-\u3003\u3008-\u3011\u4e00-\u9fff"

# A word of more than 100 characters is [UNK] (`max_input_chars_per_word`), so a run of letters and
# digits is as good as its first 101. Marks and format characters vanish in normalization, so a run
# of them is as good as its first. Both classes are subsets that no Unicode version disputes.
_LONG_WORD = re.compile("([0-9A-Za-z]{101})[0-9A-Za-z]+")
_VANISHING = re.compile(
    "([{0}])[{0}]+".format("\u0300-\u036f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f")
)


class Tokenization:
    """A tokenizer.json, truncating on the right at `max_tokens`, special tokens included."""

    def __init__(self, path: Path, max_tokens: int) -> None:
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        added = self._tokenizer.get_added_tokens_decoder().values()
        self._boundary = _boundary([token.content for token in added])

    def encode(self, text: str) -> tuple[list[int], bool]:
        """The ids of a text, and whether it was cut to `max_tokens`."""
        for prefix in self._prefixes(text):
            encoding = self._tokenizer.encode(prefix)
            if encoding.overflowing:
                return encoding.ids, True
        return encoding.ids, False

    def _prefixes(self, text: str) -> Iterator[str]:
        """Growing prefixes that are tokenized as the text itself is; then all of it.

        Each is about twice as long as the one before, so the last costs more than the others.
        """
        length = FIRST_PREFIX
        while length < len(text):
            end = self._last_boundary(text, length)
            if end == 0:
                text = _shortened(text)
                end = self._last_boundary(text, length)
            if 0 < end < len(text):
                yield text[:end]
            length *= 2
        yield text

    def _last_boundary(self, text: str, length: int) -> int:
        """The last place in the second half of a prefix where no token can cross; 0 if none."""
        match = self._boundary.match(text, length // 2, length + 1)
        return match.end() if match else 0


def _boundary(added_tokens: list[str]) -> re.Pattern[str]:
    """Matches up to the last boundary, but never one inside of a token matched as it stands.

    "[CLS]" in a text is the special token: between "[" and "C" is no boundary.
    """
    inside = {mark: "" for mark in _PUNCTUATION}
    for token in added_tokens:
        for mark, follower in zip(token, token[1:], strict=False):
            if mark in inside:
                inside[mark] += follower
    free = "".join(mark for mark in inside if not inside[mark])
    choices = [f"[{re.escape(free)}{_OTHER_BOUNDARIES}]"]
    for mark, followers in inside.items():
        if followers:
            choices.append(f"{re.escape(mark)}(?=[^{re.escape(followers)}])")
    return re.compile(f"[\\s\\S]*(?:{'|'.join(choices)})")


def _shortened(text: str) -> str:
    """A text of the same tokens, without what makes a word endless."""
    return _VANISHING.sub(r"\1", _LONG_WORD.sub(r"\1", text))
