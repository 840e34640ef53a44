"""Text -> token ids: exactly the tokenizer's, at a cost bounded by the ids kept, not by the text.

A tokenizer reads all of a text before it truncates, and WordPiece is quadratic in a word of up to
100 characters: a megabyte of such words costs seconds for 256 ids. Here it is given a prefix that
ends where no token can cross (a suffix, where the left is cut), and a longer one only when that
held too few tokens.
"""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import BertPreTokenizer

# The first prefix, in characters: 256 tokens of English are about 1,200.
FIRST_PREFIX = 2048
# A part, in characters, that costs more than to prove that its beginning decides.
ENDLESS = 65_536
# The longest part, in characters, that is counted only to tell how long a refused text is.
COUNTED = 16_384

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

# Unigram pieces may cross anything but a blank, and what is not a letter may become or eat one. So
# a boundary is a single blank between two letters of scripts that normalization leaves in place.
_LETTERS = (
    "0-9A-Za-z\u00c0-\u024f\u0391-\u03a1\u03a3-\u03c9\u0410-\u044f\u05d0-\u05ea"
    "\u0621-\u063a\u0641-\u064a\u0904-\u0939\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3"
)
_BLANK = re.compile(f"[\\s\\S]*[{_LETTERS}](?= [{_LETTERS}])")


class Token(NamedTuple):
    """`start` and `stop` count characters of the text; a special token is nowhere in it."""

    id: int
    text: str
    special: bool
    start: int | None
    stop: int | None


class Tokenization:
    """A tokenizer.json, cutting to `max_tokens`, special tokens included."""

    def __init__(self, path: Path, max_tokens: int) -> None:
        self._path, self._max_tokens = path, max_tokens
        self._right = self._open("right")
        self._special = self._right.num_special_tokens_to_add(is_pair=False)
        added = self._right.get_added_tokens_decoder().values()
        # Words of WordPiece, or pieces of Unigram, which knows no endless word.
        self._words = isinstance(self._right.pre_tokenizer, BertPreTokenizer)
        self._unigram = isinstance(self._right.model, Unigram) and not any(
            re.fullmatch(f"[{_LETTERS}]+", token.content) for token in added
        )
        self._boundary = _boundary([token.content for token in added]) if self._words else _BLANK

    def encode(self, text: str, direction: str = "right") -> tuple[list[int], bool]:
        """The ids of a text, and whether it was cut, on its "right" or "left" side."""
        tokenizer = self._right if direction == "right" else self._left
        for part in self._parts(text, direction):
            if len(part) > ENDLESS and (ids := self._decided(text, direction)):
                return ids, True
            encoding = tokenizer.encode(part)
            if encoding.overflowing:
                return encoding.ids, True
        return encoding.ids, False

    def count(self, text: str) -> str:
        """How many tokens a text has that was cut: a number, or "<number> or more"."""
        for part in self._parts(text, "right"):
            encoding = self._right.encode(part)
            if encoding.overflowing and len(part) > COUNTED // 2:
                break
        chunks = [encoding, *encoding.overflowing]
        counted = sum(len(each.ids) - self._special for each in chunks) + self._special
        return f"{counted}" if len(part) == len(text) else f"{counted} or more"

    def tokens(self, text: str, special: bool) -> list[Token]:
        """All tokens of a text, however many; `special` ones only where they are asked for."""
        encoding = self._whole.encode(text, add_special_tokens=special)
        found = zip(encoding.ids, encoding.tokens, encoding.offsets, strict=True)
        return [
            Token(id, token, True, None, None)
            if is_special
            else Token(id, text[start:stop], False, start, stop)
            for (id, token, (start, stop)), is_special in zip(
                found, encoding.special_tokens_mask, strict=True
            )
        ]

    def _decided(self, text: str, direction: str) -> list[int]:
        """The ids that are kept of a long text, if its beginning alone decides them; else none.

        Unigram takes the best path through a text, found from left to right: up to any place on it,
        it is the best path of the text that ends there. And a path has a place among as many in a
        row as the longest piece has letters. So what the texts that end at each of these places
        begin with, the whole text begins with, too. "aaaa..." has no such beginning: where its
        pieces are cut depends on its end.
        """
        if not self._unigram or direction == "left":
            return []
        for length in (FIRST_PREFIX, 2 * FIRST_PREFIX, 4 * FIRST_PREFIX):
            encodings = (self._right.encode(text[:place]) for place in self._places(text, length))
            first = next(encodings, None)
            if first and first.overflowing:
                return first.ids if all(each.ids == first.ids for each in encodings) else []
        return []

    def _places(self, text: str, length: int) -> range:
        """As many places in a row as the longest piece has letters, in the far half of a part.

        They are between letters that normalization leaves in place, with as many again on both
        sides, so that no token which is matched as it stands can cross one.
        """
        match = self._plain.match(text, length // 2, length)
        if not match:
            return range(0)
        letters = text[match.end() - 3 * self._longest : match.end()]
        normalizer = self._right.normalizer
        if normalizer and normalizer.normalize_str(letters) != letters:
            return range(0)
        end = match.end() - self._longest
        return range(end - self._longest + 1, end + 1)

    @functools.cached_property
    def _longest(self) -> int:
        return max(map(len, self._right.get_vocab()))

    @functools.cached_property
    def _plain(self) -> re.Pattern[str]:
        return re.compile(f"[\\s\\S]*[{_LETTERS}]{{{3 * self._longest}}}")

    def _open(self, direction: str) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(self._path))
        tokenizer.no_padding()
        tokenizer.enable_truncation(self._max_tokens, direction=direction)
        return tokenizer

    @functools.cached_property
    def _left(self) -> Tokenizer:
        return self._open("left")

    @functools.cached_property
    def _whole(self) -> Tokenizer:
        tokenizer = self._open("right")
        tokenizer.no_truncation()
        return tokenizer

    def _parts(self, text: str, direction: str) -> Iterator[str]:
        """Growing parts, from the side that is kept, tokenized as the text itself is; then all.

        Each is about twice as long as the one before, so the last costs more than the others.
        """
        length = FIRST_PREFIX
        while length < len(text):
            cut = self._cut(text, length, direction)
            if cut == 0 and self._words:
                text = _shortened(text)
                cut = self._cut(text, length, direction)
            if 0 < cut < len(text):
                yield text[:cut] if direction == "right" else text[cut:]
            length *= 2
        yield text

    def _cut(self, text: str, length: int, direction: str) -> int:
        """The last place in the far half of a part where no token can cross; 0 if none."""
        near, far = length // 2, length + 1
        if direction == "left":
            near, far = max(0, len(text) - length), max(0, len(text) - length // 2)
        match = self._boundary.match(text, near, far)
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
