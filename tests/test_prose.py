"""The documents name the subject first: few of their sentences open with a question word."""

import prose
import pytest

PAGE = """# What a heading says

What a paragraph says. It goes on
over two lines! **Whether** bold hides it? `Of` code, the word is hidden.

- Where a list item is. Two words.

```
What a code block says is not counted.
```

| what a header says | Of a header. |
|---|---|
| whether a cell goes on | Who ends like a sentence. |
"""


def test_less_than_two_percent_of_the_sentences_open_with_a_question_word() -> None:
    share, lines = prose.report()
    print(lines)
    assert share < 0.02, lines


def test_every_page_is_counted() -> None:
    assert {page.name for page in prose.PAGES} >= {"README.md", "deploy.md", "hardening.md"}
    for page in prose.PAGES:
        assert prose.sentences(page.read_text("utf-8")), page.name


def test_paragraphs_list_items_and_full_cells_are_split_into_sentences() -> None:
    assert prose.sentences(PAGE) == [
        "What a paragraph says.",
        "It goes on over two lines!",
        "Whether bold hides it?",
        "code code, the word is hidden.",
        "Where a list item is.",
        "Who ends like a sentence.",
    ]


@pytest.mark.parametrize("word", ["What", "Whether", "Where", "Of", "Who", '"What', "(where"])
def test_a_question_word_is_found_at_the_beginning_only(word: str) -> None:
    assert prose.late([f"{word} it is.", f"It is {word} it is.", f"{word}ever it is."]) == [
        f"{word} it is."
    ]
