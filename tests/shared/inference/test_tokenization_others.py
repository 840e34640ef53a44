"""Bounded tokenization of MPNet's special tokens and of XLM-R's Unigram, against the whole text."""

import json
import time
from pathlib import Path

import pytest
from graphs import CHECKPOINTS
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import BPE, Unigram
from tokenizers.normalizers import NFKC, Replace
from tokenizers.pre_tokenizers import ByteLevel, Metaspace
from tokenizers.trainers import BpeTrainer

from shared.inference import endless, part
from shared.inference.tokenization import Tokenization

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


def opened(path: Path, direction: str) -> tuple[Tokenization, Tokenizer]:
    """The bounded one, and the tokenizer that reads everything, both cutting to 16 tokens."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(16, direction=direction)
    return Tokenization(path, 16), tokenizer


OPENED = {
    (name, direction): opened(CHECKPOINTS / name / "tokenizer.json", direction)
    for name in ("tiny-mpnet", "tiny-xlm-roberta")
    for direction in ("right", "left")
}


@pytest.mark.parametrize(("name", "direction"), OPENED)
@given(text=st.lists(st.sampled_from(PIECES), min_size=20, max_size=120).map("".join))
@example(text="hello\u200b the hello\u200b a" * 9)
@example(text="b<mask> a" * 20)
def test_any_text_gives_the_ids_of_the_full_tokenization(
    name: str, direction: str, text: str
) -> None:
    bounded, everything = OPENED[name, direction]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part, "SHORT_PARTS", (4, 8))
        ids, cut = bounded.encode(text, direction)
    expected = everything.encode(text)
    assert ids == expected.ids
    assert cut == bool(expected.overflowing)


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
    start = time.perf_counter()
    ids, cut = bounded.encode(text, direction)
    assert time.perf_counter() - start < 0.2
    assert (ids, cut) == (everything.encode(text).ids, True)


def test_no_text_is_cut_between_letters_that_normalization_joins(tmp_path: Path) -> None:
    """ "ab" is one letter to the model, of which an odd number begins with another piece."""
    pieces = [("?", 0.0), ("a", -3.0), ("b", -3.0), ("c", -3.0), ("cc", -4.0)]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=0))
    tokenizer.normalizer = Replace("ab", "c")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    found = Tokenization(tmp_path / "tokenizer.json", 16).encode("b" + "ab" * 50_001)
    assert found == ([2, 3, *[4] * 14], True)


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
    start = time.perf_counter()
    ids, cut = bounded.encode(text)
    assert time.perf_counter() - start < 0.2  # 0.02 s where this was written; all of it is 0.7 s
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


def test_blanks_that_a_token_eats_are_no_words(tmp_path: Path) -> None:
    """Where normalization leaves every blank, each is a word; "<mask>" eats those before it."""
    tokenizer = Tokenizer.from_file(str(CHECKPOINTS / "tiny-xlm-roberta" / "tokenizer.json"))
    tokenizer.normalizer = NFKC()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    bounded, everything = opened(tmp_path / "tokenizer.json", "right")
    text = "the" + " " * 1_000 + "<mask>" + " the" * 100
    assert bounded.encode(text) == (everything.encode(text).ids, True)


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
