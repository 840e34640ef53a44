"""Bounded tokenization against the tokenizer itself, reading everything."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from shared.inference import part
from shared.inference.tokenization import Tokenization
from shared.manifest import BUNDLED

TOKENIZER = BUNDLED / "all-minilm-l6-v2" / "tokenizer.json"
MEGABYTE = 1_000_000

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

# What a cut could get wrong: special tokens, marks, controls, ideographs, expanding characters.
PIECES = [
    *"ab  \t\n!,[]='-\u2026\u3002\u300c",
    *("[CLS]", "[SEP]", "[MASK]", "[C", "[M", "[[", "hello", "the ", "##ing", "a" * 110),
    *("\u00e9", "e\u0301", "\u0301", "\u0338", "\u200d", "\u00a0", "\u2028", "\u3000", "\0"),
    *("\u6f22", "\ud55c", "\u0130", "\u00df", "\ufdfa", "\ufeff", "\u093e", "\U0001f600"),
]


def everything(max_tokens: int, direction: str = "right") -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens, direction=direction)
    return tokenizer


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
    start = time.perf_counter()
    bounded.encode(HOSTILE[name], direction)
    assert time.perf_counter() - start < 0.2  # 0.02 s at most where this was written


@given(st.lists(st.sampled_from(PIECES), min_size=20, max_size=120).map("".join))
def test_any_text_gives_the_ids_of_the_full_tokenization(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part, "SHORT_PARTS", (4, 8))
        ids, cut = BOUNDED.encode(text)
        from_the_end = BOUNDED.encode(text, "left")
    for found, full in (((ids, cut), FULL), (from_the_end, FULL_LEFT)):
        expected = full.encode(text)
        assert found == (expected.ids, bool(expected.overflowing))


@given(st.text(min_size=60, max_size=400))
def test_any_unicode_text_gives_the_ids_of_the_full_tokenization(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part, "SHORT_PARTS", (4, 8))
        assert BOUNDED.encode(text)[0] == FULL.encode(text).ids
        assert BOUNDED.encode(text, "left")[0] == FULL_LEFT.encode(text).ids


BOUNDED = Tokenization(TOKENIZER, 16)
FULL, FULL_LEFT = everything(16), everything(16, "left")


@pytest.mark.parametrize("words", [20, 2000])
def test_the_tokens_of_a_refused_text_are_counted(words: int) -> None:
    assert BOUNDED.count("hello " * words) == str(words + 2)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_is_counted_only_as_far_as_it_is_cheap(name: str) -> None:
    bounded = Tokenization(TOKENIZER, 256)
    start = time.perf_counter()
    counted = bounded.count(HOSTILE[name])
    assert time.perf_counter() - start < 0.5
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


def test_a_special_token_is_never_cut_in_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """The part that is tried first would begin right behind the bracket of [CLS]."""
    monkeypatch.setattr(part, "SHORT_PARTS", (4,))
    text = "x " * 40 + "[CLS]" + "a " * 10 + "the " * 2
    assert text[-32:].startswith("CLS]")
    whole = Tokenizer.from_file(str(TOKENIZER))
    whole.no_padding()
    whole.enable_truncation(16, direction="left")
    assert Tokenization(TOKENIZER, 16).encode(text, "left") == (whole.encode(text).ids, True)
