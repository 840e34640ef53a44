"""Print the share of sentences in README.md and docs/ that open with a question word.

    python tests/prose.py

A sentence that opens with What, Whether, Where, Of or Who names its subject late, and a newcomer
reads it twice. The script counts the sentences of paragraphs and list items. It skips headings and
code blocks. It counts a table cell only if the cell ends like a sentence, with ".", "?" or "!".
Fewer than three words are no sentence.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OPENING = re.compile(r"\W*(what|whether|where|of|who)\b", re.IGNORECASE)
MARKDOWN = MarkdownIt("commonmark").enable("table")


def sentences(page: str) -> list[str]:
    """The sentences of a Markdown page, without its marks; "code" stands for code in them."""
    return [each for text in texts(page) for each in split(text) if len(each.split()) > 2]


def texts(page: str) -> Iterator[str]:
    """The paragraphs, list items and sentence-like cells of a Markdown page."""
    for opening, content in pairwise(MARKDOWN.parse(page)):
        if opening.type == "paragraph_open":
            yield plain(content)
        elif opening.type == "td_open" and re.search(r"[.!?]$", plain(content)):
            yield plain(content)


def plain(content: Token) -> str:
    parts = content.children or []
    words = {"code_inline": "code", "softbreak": " "}
    return "".join(words.get(part.type, part.content) for part in parts)


def split(text: str) -> list[str]:
    """Cut after ".", "!", "?" or ":" where a capital letter or code follows."""
    return re.split(r"(?<=[.!?:])\s+(?=[\"(]?(?:[A-Z]|code\b))", text)


def late(sentences: list[str]) -> list[str]:
    return [each for each in sentences if OPENING.match(each)]


def report() -> tuple[float, str]:
    """The share, 0 to 1, of all pages together, and the lines to print."""
    counted = {page: sentences(page.read_text("utf-8")) for page in PAGES}
    lines = []
    for page, found in counted.items():
        lines.append(f"{len(late(found)):3} of {len(found):3}  {page.relative_to(ROOT)}")
        lines += [f"{'':12}{each[:80]}" for each in late(found)]
    total, openings = (
        sum(map(len, counted.values())),
        sum(len(late(each)) for each in counted.values()),
    )
    share = openings / total
    return share, "\n".join([*lines, f"{openings} of {total} sentences, {share:.1%}"])


if __name__ == "__main__":
    print(report()[1])
