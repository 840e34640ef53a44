"""Bounded tokenization of MPNet's special tokens and of XLM-R's Unigram, against the whole text."""

import time

import pytest
from graphs import CHECKPOINTS
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from shared import tokenization
from shared.tokenization import Tokenization

# What a cut could get wrong: special tokens that eat blanks, blanks that become one, marks,
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
MEGABYTE = 1_000_000


def opened(name: str, direction: str) -> tuple[Tokenization, Tokenizer]:
    """The bounded one, and the tokenizer that reads everything, both cutting to 16 tokens."""
    path = CHECKPOINTS / name / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(16, direction=direction)
    return Tokenization(path, 16), tokenizer


OPENED = {
    (name, direction): opened(name, direction)
    for name in ("tiny-mpnet", "tiny-xlm-roberta")
    for direction in ("right", "left")
}


@pytest.mark.parametrize(("name", "direction"), OPENED)
@given(text=st.lists(st.sampled_from(PIECES), max_size=80).map("".join))
@example(text="hello\u200b the hello\u200b a" * 9)
@example(text="b<mask> a" * 20)
def test_any_text_gives_the_ids_of_the_full_tokenization(
    name: str, direction: str, text: str
) -> None:
    bounded, everything = OPENED[name, direction]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenization, "FIRST_PREFIX", 24)
        ids, cut = bounded.encode(text, direction)
    expected = everything.encode(text)
    assert ids == expected.ids
    assert cut == bool(expected.overflowing)


@pytest.mark.parametrize(("name", "direction"), OPENED)
@pytest.mark.parametrize("word", ["hello ", "\u0434\u0430 \u043c\u0438\u0440 "])
def test_a_megabyte_of_words_is_tokenized_in_a_fifth_of_a_second(
    name: str, direction: str, word: str
) -> None:
    text = word * (MEGABYTE // len(word))
    bounded, everything = OPENED[name, direction]
    bounded.encode("", direction)
    start = time.perf_counter()
    ids, cut = bounded.encode(text, direction)
    assert time.perf_counter() - start < 0.2
    assert (ids, cut) == (everything.encode(text).ids, True)
