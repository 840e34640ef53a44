"""The parser of the command line: arguments are declared when a command is called."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from textfn.failure import WrongCommand


class Parser(argparse.ArgumentParser):
    """A parser that suggests the word that was meant, and raises WrongCommand for a wrong one.

    `fill` declares the arguments. It is called once, before the first parsing or printing.
    """

    def __init__(self, *, fill: "Callable[[Parser], None] | None" = None, **how: Any) -> None:
        super().__init__(formatter_class=_formatter, **how)
        self._fill = fill
        self.words: Mapping[str, Parser] = {}

    def fill(self) -> None:
        if self._fill:
            fill, self._fill = self._fill, None
            fill(self)

    def fill_all(self) -> None:
        """Declare the arguments of every command below this one."""
        self.fill()
        for parser in self.words.values():
            parser.fill_all()

    def add_words(self) -> "Callable[..., Parser]":
        """Return what adds a command below this parser."""
        commands = self.add_subparsers(metavar="COMMAND", title="commands")
        self.words = commands.choices
        return commands.add_parser

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        self.fill()
        given = sys.argv[1:] if args is None else list(args)
        if self.words:
            self._check_word(given)
        options, left = super().parse_known_args(given, namespace)
        if left:
            self.error(self._unknown(left[0]))
        return options, left

    def error(self, message: str) -> NoReturn:
        end = "" if message.endswith("?") else "."
        raise WrongCommand(f"{message}{end} See {self.prog} --help.", self.prog)

    def _check_word(self, given: Sequence[str]) -> None:
        word = next((each for each in given if not each.startswith("-")), None)
        if word is not None and word not in self.words:
            known = ", ".join(self.words)
            self.error(f"there is no command {word}{meant(word, self.words) or f', only {known}'}")

    def _unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"the argument {word} is one too many"
        name = word.partition("=")[0]
        return f"there is no option {name}{meant(name, self._option_string_actions)}"


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=28)


def meant(word: str, known: Mapping[str, object]) -> str:
    """Return the question "did you mean ...?" with the nearest known word, or ""."""
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
