"""Bounded tokenization against the tokenizer itself, reading everything."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizing import MEGABYTE, TOKENIZER, everything

from shared.inference import tokenization
from shared.inference.tokenization import Tokenization

HOSTILE = {
    "words of 100 characters": ("q" * 100 + " ") * (MEGABYTE // 101),
    "unknown words of 100": ("a" * 99 + "\u00e9 ") * (MEGABYTE // 101),
    "ordinary words": "hello world " * (MEGABYTE // 12),
    "full stops": "." * MEGABYTE,
    "brackets": "[" * MEGABYTE,
    "apostrophes": "'" * MEGABYTE,
    "ideographs": "\u6f22" * (MEGABYTE // 3),
    "ellipses": "\u2026" * (MEGABYTE // 3),
    "one word": "a" * MEGABYTE,
    "words, then one": "hi " * 100 + "x" * MEGABYTE,
    "marks": "e" + "\u0301" * (MEGABYTE // 2),
    "joiners": "\u200d" * (MEGABYTE // 3),
    "special tokens": "[CLS][SEP] [MASK]" * (MEGABYTE // 17),
}


@pytest.mark.parametrize("direction", ["right", "left"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_gives_the_ids_of_the_full_tokenization(name: str, direction: str) -> None:
    expected = everything(256, direction).encode(HOSTILE[name])
    ids, cut = Tokenization(TOKENIZER, 256).encode(HOSTILE[name], direction)
    assert ids == expected.ids
    assert cut == bool(expected.overflowing)


@pytest.mark.parametrize("direction", ["right", "left"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_is_tokenized_in_a_fifth_of_a_second(name: str, direction: str) -> None:
    bounded = Tokenization(TOKENIZER, 256)
    bounded.encode("", direction)
    start = time.thread_time()
    bounded.encode(HOSTILE[name], direction)
    assert time.thread_time() - start < 0.2  # 0.02 s at most where this was written


@pytest.mark.parametrize("words", [20, 2000])
def test_the_tokens_of_a_refused_text_are_counted(words: int) -> None:
    assert Tokenization(TOKENIZER, 16).count("hello " * words) == str(words + 2)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_is_counted_only_as_far_as_it_is_cheap(name: str) -> None:
    bounded = Tokenization(TOKENIZER, 256)
    start = time.thread_time()
    counted = bounded.count(HOSTILE[name])
    assert time.thread_time() - start < 0.5
    if bounded.encode(HOSTILE[name])[1]:
        number, _, more = counted.partition(" ")
        assert int(number) > 256
        assert more in ("", "or more")


@pytest.mark.parametrize(
    ("words", "tokens", "cut"), [(253, 255, False), (254, 256, False), (255, 256, True)]
)
def test_a_text_is_cut_only_when_it_has_more_tokens_than_the_model_takes(
    words: int, tokens: int, cut: bool
) -> None:
    ids, was_cut = Tokenization(TOKENIZER, 256).encode("hello " * words)
    assert (len(ids), was_cut) == (tokens, cut)
    assert (ids[0], ids[-1]) == (101, 102)  # [CLS] and [SEP] of BERT's vocabulary


def test_threads_that_need_the_left_side_at_once_open_its_tokenizer_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bounded, real = Tokenization(TOKENIZER, 16), tokenization.open_tokenizer
    opened: list[Path] = []
    barrier = threading.Barrier(8)

    def counted(path: Path) -> Tokenizer:
        opened.append(path)
        return real(path)

    def encode(number: int) -> tuple[list[int], bool]:
        barrier.wait()
        return bounded.encode(f"{number} " + "hello " * 40, "left")

    monkeypatch.setattr(tokenization, "open_tokenizer", counted)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(encode, range(8)))
    assert opened == [TOKENIZER]
    expected = everything(16, "left").encode("hello " * 40).ids
    assert found == [(expected, True)] * 8


def test_a_maximum_that_special_tokens_fill_is_refused() -> None:
    """Below their number the tokenizer itself would return all of a text."""
    assert Tokenization(TOKENIZER, 3).encode("hello world") == ([101, 7592, 102], True)
    with pytest.raises(ValueError, match="max_tokens is 2; .* adds 2 .* to 3 or more"):
        Tokenization(TOKENIZER, 2)
