"""Text -> token ids: exactly the tokenizer's, at a cost bounded by the ids kept, not by the text.

A tokenizer reads all of a text before it truncates: a megabyte costs seconds for 256 ids. Here it
is given a part, from the side that is kept, and a longer one only where that did not decide. Words
are tokenized one by one, so a part has the words of the whole text but for a few where it was cut.
"""

import functools
import os
import re
from pathlib import Path
from typing import NamedTuple

from tokenizers import Encoding, Tokenizer
from tokenizers.models import Unigram, WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import Sequence

from shared.inference.endless import _BLANKS, _FORMATS, _MARKS, ENDLESS, _is_bracketed
from shared.inference.part import (
    _BLANK,
    _IDEOGRAPHS,
    _LETTERS,
    _LOCAL,
    COUNTED,
    LONG_PARTS,
    SHORT_PARTS,
    _overlap,
    _words,
)

# `encode_batch_fast` gets one text at a time, for which a pool of threads would only be started.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


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
        self._added = [token.content for token in added]
        pre_tokenizer = self._right.pre_tokenizer
        steps = iter(pre_tokenizer) if isinstance(pre_tokenizer, Sequence) else [pre_tokenizer]
        self._local = all(isinstance(step, _LOCAL) for step in steps) and not _overlap(self._added)

    def encode(self, text: str, direction: str = "right") -> tuple[list[int], bool]:
        """The ids of a text, and whether it was cut, on its "right" or "left" side."""
        return (
            self._of_part(text, direction, SHORT_PARTS)
            or self._of_endless_words(text, direction)
            or self._of_part(text, direction, LONG_PARTS)
            or self._of_all(text, direction)
        )

    def count(self, text: str) -> str:
        """How many tokens a text has that was cut: a number, or "<number> or more"."""
        part = text if len(text) <= COUNTED else self._part(text, COUNTED, "right")
        encoding = self._right.encode(part)
        words = _words([encoding, *encoding.overflowing])
        if len(text) <= COUNTED:
            return f"{len(words) + self._special}"
        decided = sum(word <= words[-1] - self._undecided for word in words)
        return f"{max(decided + self._special, self._max_tokens + 1)} or more"

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

    def _of_part(
        self, text: str, direction: str, parts: tuple[int, ...]
    ) -> tuple[list[int], bool] | None:
        """The ids that the first part with words enough has; None if there is no such part."""
        for length in (self._max_tokens * characters for characters in parts):
            if length < len(text):
                encoding = self._cutting(direction).encode(self._part(text, length, direction))
                if self._words_beyond(encoding, direction) >= self._undecided:
                    return encoding.ids, True
        return None

    def _of_endless_words(self, text: str, direction: str) -> tuple[list[int], bool] | None:
        if len(text) < ENDLESS:
            return None
        if len(shortened := self._shortened(text)) < len(text):
            return self.encode(shortened, direction)
        ids = self._decided(text) if direction == "right" else []
        return (ids, True) if ids else None

    def _of_all(self, text: str, direction: str) -> tuple[list[int], bool]:
        """Without the offsets, which are half of the cost."""
        (encoding,) = self._cutting(direction).encode_batch_fast([text])
        return encoding.ids, bool(encoding.overflowing)

    def _part(self, text: str, length: int, direction: str) -> str:
        """About `length` characters of a text, from the side that is kept, not cut at a blank.

        Tokens matched as they stand, such as "<mask>", may eat all the blanks beside them.
        """
        part = text[:length] if direction == "right" else text[-length:]
        if self._local:
            return part.rstrip() if direction == "right" else part.lstrip()
        blanks = [match.start() for match in _BLANK.finditer(part)]
        if not blanks:
            return ""
        return part[: blanks[-1]] if direction == "right" else part[blanks[0] :]

    def _words_beyond(self, encoding: Encoding, direction: str) -> int:
        """How many words a part has beyond the last one that is kept; 0 if all of it is kept."""
        kept, words = _words([encoding]), _words([encoding, *encoding.overflowing])
        if len(words) == len(kept):
            return 0
        return words[-1] - kept[-1] if direction == "right" else kept[0] - words[0]

    @functools.cached_property
    def _undecided(self) -> int:
        """How many words, where a part was cut, may not be those of the text.

        One may go on, and one may be joined by marks: normalizers see a character, its marks and
        the blanks beside it. The others are the beginning of a token that is matched as it stands,
        before normalization or after it: a character of it is a word at most.
        """
        normalizer = self._right.normalizer
        normalized = [normalizer.normalize_str(token) for token in self._added if normalizer]
        return 2 + 2 * max(map(len, [*self._added, *normalized]), default=0)

    def _shortened(self, text: str) -> str:
        """A text of the same tokens, without what makes a word of BERT's endless."""
        return self._runs.sub(r"\1\2\3\4", text) if self._runs else text

    @functools.cached_property
    def _runs(self) -> re.Pattern[str] | None:
        model, normalizer = self._right.model, self._right.normalizer
        bert = isinstance(model, WordPiece) and isinstance(normalizer, BertNormalizer)
        if not (bert and self._local and all(map(_is_bracketed, self._added))):
            return None
        length = 2 * model.max_input_chars_per_word
        classes = (_LETTERS, _BLANKS, _MARKS, _FORMATS)
        return re.compile("|".join(f"([{each}]{{{length}}})[{each}]+" for each in classes))

    def _decided(self, text: str) -> list[int]:
        """The ids that are kept of a long word, if its beginning alone decides them; else none.

        Unigram takes the best path through a word, found from left to right: up to any place on it,
        it is the best path of the word that ends there. And a path has a place among as many in a
        row as the longest piece has letters. So what the texts that end at each of these places
        begin with, the whole text begins with, too. "aaaa..." has no such beginning: where its
        pieces are cut depends on its end.
        """
        if not (self._local and isinstance(self._right.model, Unigram)):
            return []
        for length in (self._max_tokens * characters for characters in SHORT_PARTS):
            encodings = (self._right.encode(text[:place]) for place in self._places(text, length))
            first = next(encodings, None)
            if first and first.overflowing:
                return first.ids if all(each.ids == first.ids for each in encodings) else []
        return []

    def _places(self, text: str, length: int) -> range:
        """As many places in a row as the longest piece has letters, in the far half of a part.

        They are between characters that normalization leaves in place, with as many again on both
        sides, so that no token which is matched as it stands can cross one.
        """
        match = self._plain.match(text, length // 2, length)
        if not match:
            return range(0)
        plain = text[match.end() - 3 * self._longest : match.end()]
        normalizer = self._right.normalizer
        if normalizer and normalizer.normalize_str(plain) != plain:
            return range(0)
        if any(token in plain for token in self._added):
            return range(0)
        end = match.end() - self._longest
        return range(end - self._longest + 1, end + 1)

    @functools.cached_property
    def _longest(self) -> int:
        return max(map(len, self._right.get_vocab()))

    @functools.cached_property
    def _plain(self) -> re.Pattern[str]:
        return re.compile(f"[\\s\\S]*[!-~{_LETTERS}{_IDEOGRAPHS}]{{{3 * self._longest}}}")

    def _open(self, direction: str) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(self._path))
        tokenizer.no_padding()
        tokenizer.enable_truncation(self._max_tokens, direction=direction)
        return tokenizer

    def _cutting(self, direction: str) -> Tokenizer:
        return self._right if direction == "right" else self._left

    @functools.cached_property
    def _left(self) -> Tokenizer:
        return self._open("left")

    @functools.cached_property
    def _whole(self) -> Tokenizer:
        tokenizer = self._open("right")
        tokenizer.no_truncation()
        return tokenizer
