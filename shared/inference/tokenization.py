"""Text -> token ids: exactly those of the tokenizer, at a cost bounded by the ids that are kept."""

import functools
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from tokenizers import Tokenizer

from shared.inference.endless import Beginning, Runs
from shared.inference.part import Encoded, Part

# `encode_batch_fast` gets one text at a time, so threads of its own would be of no use.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

T = TypeVar("T")


class Token(NamedTuple):
    """`start` and `stop` count characters of the text; they are None for a special token."""

    id: int
    text: str
    special: bool
    start: int | None
    stop: int | None


class Tokenization:
    """A tokenizer.json that truncates to `max_tokens`, special tokens included.

    A `Tokenizer` truncates on one side only, so there are three of them: `encode` has one per side,
    `tokens` has one that does not truncate. That of the right side is opened here, the others at
    their first use, which few requests need. Threads may share this object.

    Raises ValueError if `max_tokens` is too small, and what `Tokenizer.from_file` raises.
    """

    def __init__(self, path: Path, max_tokens: int) -> None:
        self._right = Truncating(path, max_tokens, "right")
        self._left = once(lambda: Truncating(path, max_tokens, "left"))
        self._untruncated = once(lambda: open_tokenizer(path))

    def encode(self, text: str, direction: str = "right") -> Encoded:
        """Return the ids of a text, and True if it was truncated, on its "right" or "left" side."""
        return (self._right if direction == "right" else self._left()).encode(text)

    def count(self, text: str) -> str:
        """Count the tokens of a text that is too long: "<number>" or "<number> or more"."""
        return self._right.part.count(text)

    def tokens(self, text: str, special: bool) -> list[Token]:
        """Return all tokens of a text, however many; `special` adds the special tokens."""
        encoding = self._untruncated().encode(text, add_special_tokens=special)
        found = zip(encoding.ids, encoding.tokens, encoding.offsets, strict=True)
        return [
            Token(id, token, True, None, None)
            if is_special
            else Token(id, text[start:stop], False, start, stop)
            for (id, token, (start, stop)), is_special in zip(
                found, encoding.special_tokens_mask, strict=True
            )
        ]


class Truncating:
    """A tokenizer that truncates on one side, and the strategies that spare it long texts."""

    def __init__(self, path: Path, max_tokens: int, direction: str) -> None:
        self._tokenizer = open_tokenizer(path)
        check_room(self._tokenizer, max_tokens)
        self._tokenizer.enable_truncation(max_tokens, direction=direction)
        self.part = Part(self._tokenizer, max_tokens, direction)
        self._runs = Runs(self._tokenizer)
        beginning = Beginning(self._tokenizer, max_tokens)
        # Each returns None for a text whose ids it cannot decide. The cheapest comes first.
        self._strategies: list[Callable[[str], Encoded | None]] = [
            self.part.short,
            self._without_runs,
            *([beginning.encode] if direction == "right" else []),
            self.part.long,
        ]

    def encode(self, text: str) -> Encoded:
        for strategy in self._strategies:
            if encoded := strategy(text):
                return encoded
        return self._whole(text)

    def _without_runs(self, text: str) -> Encoded | None:
        shortened = self._runs.shorten(text)
        return self.encode(shortened) if len(shortened) < len(text) else None

    def _whole(self, text: str) -> Encoded:
        """Without the offsets, which are half of the cost."""
        (encoding,) = self._tokenizer.encode_batch_fast([text])
        return encoding.ids, bool(encoding.overflowing)


def once(make: Callable[[], T]) -> Callable[[], T]:
    """Return a function that calls `make` once, at its first call, even if threads call it."""
    made, lock = functools.cache(make), threading.Lock()

    def get() -> T:
        with lock:
            return made()

    return get


def open_tokenizer(path: Path) -> Tokenizer:
    """Open a tokenizer that neither pads nor truncates, whatever its file says."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def check_room(tokenizer: Tokenizer, max_tokens: int) -> None:
    """Raise ValueError if the special tokens alone fill `max_tokens`: nothing would be cut."""
    special = tokenizer.num_special_tokens_to_add(is_pair=False)
    if max_tokens <= special:
        raise ValueError(
            f"max_tokens is {max_tokens}; this tokenizer adds {special} special tokens to a text. "
            f"Set max_tokens to {special + 1} or more."
        )
