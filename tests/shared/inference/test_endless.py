"""Texts of words without end, against the tokenizer that reads everything."""

import json
import time
from pathlib import Path

import pytest
from graphs import CHECKPOINTS
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace
from tokenizing import MEGABYTE, OPENED, PIECES, TOKENIZER, opened

from shared.inference import endless
from shared.inference.endless import Beginning, Runs
from shared.inference.tokenization import Tokenization, open_tokenizer

# Letters without a blank: pieces that overlap, that are not known, and that repeat themselves; then
# what ends such a run or vanishes in it.
ENDLESS = ["a", "b", "the", "hello", "in", "g", "excellent", "er", "s", "0"]
ENDLESS += ["\u6f22", "\u6f22\u6f22", "\u5b57", "\u0434\u0430", "\u0133"]  # the last is two letters
ENDS = ["", " ", "<Q>", "<mask>", "!!", "\u0301", "\ufb01", "\u200b", "..."]


@given(
    st.lists(st.sampled_from(ENDLESS), min_size=1, max_size=4).flatmap(
        lambda some: st.lists(st.sampled_from(some), min_size=60, max_size=200).map("".join)
    ),
    st.sampled_from(ENDS),
    st.lists(st.sampled_from(ENDLESS), max_size=40).map("".join),
)
@example("(" * 300, "", "")
def test_text_without_blanks_gives_the_ids_of_the_full_tokenization(
    text: str, end: str, rest: str
) -> None:
    bounded, everything = OPENED["tiny-xlm-roberta", "right"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(endless, "ENDLESS", 64)
        ids, cut = bounded.encode(text + end + rest)
    expected = everything.encode(text + end + rest)
    assert (ids, cut) == (expected.ids, bool(expected.overflowing))


@pytest.mark.parametrize("word", ["thequickbrownfox", "\u0434\u0430a", "a", "[", "ab-", "\ufdfa"])
def test_a_megabyte_without_blanks_is_tokenized_in_a_fifth_of_a_second(word: str) -> None:
    text = word * (MEGABYTE // len(word.encode()))
    bounded, everything = OPENED["tiny-xlm-roberta", "right"]
    bounded.encode(text)  # which finds out how long a piece can be
    start = time.thread_time()
    ids, cut = bounded.encode(text)
    assert time.thread_time() - start < 0.2  # 0.02 s where this was written; all of it is 0.7 s
    assert (ids, cut) == (everything.encode(text).ids, True)


def test_where_the_end_decides_the_beginning_all_of_the_text_is_read(tmp_path: Path) -> None:
    """Of an odd number of letters the odd one comes first."""
    pieces = [("<unk>", 0.0), ("a", -3.0), ("aa", -4.0), ("\u2581", -1.0)]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=0))
    tokenizer.pre_tokenizer = Metaspace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    bounded = Tokenization(tmp_path / "tokenizer.json", 16)
    even, odd = (bounded.encode("a" * length) for length in (100_000, 100_001))
    assert even == ([3, *[2] * 15], True) and odd == ([3, 1, *[2] * 14], True)


# What makes a word of BERT's endless, in runs longer than any that is kept.
RUNS = ["a" * 250, "\u00e9\ud55c" * 120, "\u0301\u0327" * 120, "\u200d\u2060" * 120, " \n" * 120]


@pytest.fixture(scope="module", params=[True, False], ids=["uncased", "cased"])
def bert(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cased, where marks do not vanish but make a word longer."""
    content = json.loads((CHECKPOINTS / "tiny-distilbert" / "tokenizer.json").read_text("utf-8"))
    content["normalizer"]["lowercase"] = request.param
    path = tmp_path_factory.mktemp("bert") / "tokenizer.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


@pytest.mark.parametrize("direction", ["right", "left"])
@given(text=st.lists(st.sampled_from([*PIECES, *RUNS]), max_size=30).map("".join))
@example(text="e" + "\u0301" * 250 + " the")
def test_endless_words_give_the_ids_of_the_full_tokenization(
    bert: Path, direction: str, text: str
) -> None:
    bounded, everything = opened(bert, direction)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(endless, "ENDLESS", 64)
        ids, cut = bounded.encode(text, direction)
    expected = everything.encode(text)
    assert (ids, cut) == (expected.ids, bool(expected.overflowing))


def test_a_run_is_shortened_to_a_word_that_is_unknown_already() -> None:
    """BERT's maximum is 100 characters per word; twice as many stay."""
    runs = Runs(open_tokenizer(TOKENIZER))
    assert runs.shorten("b " + "a" * 100_000 + " c") == "b " + "a" * 200 + " c"
    assert runs.shorten("hello world " * 10_000) == "hello world " * 10_000


def test_each_strategy_leaves_texts_of_the_other_family_alone() -> None:
    sentencepiece = open_tokenizer(CHECKPOINTS / "tiny-xlm-roberta" / "tokenizer.json")
    assert Runs(sentencepiece).shorten("a" * 100_000) == "a" * 100_000
    assert Beginning(open_tokenizer(TOKENIZER), 16).encode("a" * 100_000) is None
