"""Texts of which a part decides the ids, against the tokenizer that reads everything."""

import time
from pathlib import Path

import pytest
from graphs import CHECKPOINTS
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import BPE, Unigram
from tokenizers.normalizers import NFKC, Replace
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from tokenizing import BERT_PIECES, MEGABYTE, OPENED, PIECES, TOKENIZER, everything, opened

from shared.inference import part
from shared.inference.tokenization import Tokenization

BOUNDED = Tokenization(TOKENIZER, 16)
FULL, FULL_LEFT = everything(16), everything(16, "left")


@given(st.lists(st.sampled_from(BERT_PIECES), min_size=20, max_size=120).map("".join))
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


@pytest.mark.parametrize(("name", "direction"), OPENED)
@given(text=st.lists(st.sampled_from(PIECES), min_size=20, max_size=120).map("".join))
@example(text="hello\u200b the hello\u200b a" * 9)
@example(text="b<mask> a" * 20)
def test_any_text_of_another_family_gives_the_ids_of_the_full_tokenization(
    name: str, direction: str, text: str
) -> None:
    bounded, everything = OPENED[name, direction]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part, "SHORT_PARTS", (4, 8))
        ids, cut = bounded.encode(text, direction)
    expected = everything.encode(text)
    assert ids == expected.ids
    assert cut == bool(expected.overflowing)


def test_a_special_token_is_never_cut_in_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """The part that is tried first would begin right behind the bracket of [CLS]."""
    monkeypatch.setattr(part, "SHORT_PARTS", (4,))
    text = "x " * 40 + "[CLS]" + "a " * 10 + "the " * 2
    assert text[-32:].startswith("CLS]")
    whole = Tokenizer.from_file(str(TOKENIZER))
    whole.no_padding()
    whole.enable_truncation(16, direction="left")
    assert Tokenization(TOKENIZER, 16).encode(text, "left") == (whole.encode(text).ids, True)


@pytest.mark.parametrize(("name", "direction"), OPENED)
@pytest.mark.parametrize(
    "word",
    [
        *("hello ", "\u0434\u0430 \u043c\u0438\u0440 ", "a . ", "a. b.\t", "<mask>", "[ "),
        "\u0995\u09be \u0996\u09c7 ",  # letters with vowel signs
    ],
)
def test_a_megabyte_of_words_is_tokenized_in_a_fifth_of_a_second(
    name: str, direction: str, word: str
) -> None:
    text = word * (MEGABYTE // len(word.encode()))
    bounded, everything = OPENED[name, direction]
    bounded.encode("", direction)
    start = time.thread_time()
    ids, cut = bounded.encode(text, direction)
    assert time.thread_time() - start < 0.2
    assert (ids, cut) == (everything.encode(text).ids, True)


def test_no_text_is_cut_between_letters_that_normalization_joins(tmp_path: Path) -> None:
    """ "ab" is one letter to the model, of which an odd number begins with another piece."""
    pieces = [("?", 0.0), ("a", -3.0), ("b", -3.0), ("c", -3.0), ("cc", -4.0)]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=0))
    tokenizer.normalizer = Replace("ab", "c")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    found = Tokenization(tmp_path / "tokenizer.json", 16).encode("b" + "ab" * 50_001)
    assert found == ([2, 3, *[4] * 14], True)


def test_blanks_that_a_token_eats_are_no_words(tmp_path: Path) -> None:
    """Where normalization leaves every blank, each is a word; "<mask>" eats those before it."""
    tokenizer = Tokenizer.from_file(str(CHECKPOINTS / "tiny-xlm-roberta" / "tokenizer.json"))
    tokenizer.normalizer = NFKC()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    bounded, everything = opened(tmp_path / "tokenizer.json", "right")
    text = "the" + " " * 1_000 + "<mask>" + " the" * 100
    assert bounded.encode(text) == (everything.encode(text).ids, True)


@pytest.mark.parametrize("direction", ["right", "left"])
@pytest.mark.parametrize("text", ["hello the world ", "don't! a\u0301 ", "x", "12 "])
def test_a_tokenizer_of_bytes_gives_the_ids_of_the_full_tokenization(
    tmp_path: Path, direction: str, text: str
) -> None:
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    trainer = BpeTrainer(initial_alphabet=ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(["hello the world don't"], trainer)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    bounded, everything = opened(tmp_path / "tokenizer.json", direction)
    expected = everything.encode(text * 200)
    assert bounded.encode(text * 200, direction) == (expected.ids, True)


def test_where_added_tokens_overlap_the_end_is_not_read_alone(tmp_path: Path) -> None:
    """Of an odd number of letters the odd one comes last, whatever the last part has."""
    tokenizer = Tokenizer.from_file(str(CHECKPOINTS / "tiny-mpnet" / "tokenizer.json"))
    tokenizer.add_tokens(["xx"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    bounded, everything = opened(tmp_path / "tokenizer.json", "left")
    for length in (1_000, 1_001):
        assert bounded.encode("x" * length, "left")[0] == everything.encode("x" * length).ids
