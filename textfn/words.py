"""The commands of textfn. A command's module is imported when the command is called."""

import argparse
import importlib
import sys
from collections.abc import Mapping
from typing import NamedTuple

from shared.version import VERSION
from textfn.parser import Parser

DESCRIPTION = """Answer the text endpoints of Workers AI and Hugging Face from your own machine.

  textfn serve                             start the server
  textfn classify "This pizza is great!"   use a model without a server
  textfn models list                       show which models are installed"""
CODES = "exit codes: 0 done, 1 failed, 2 wrong command or setting, 130 stopped (Ctrl-C)"


class Word(NamedTuple):
    """A command: its line in --help, its module below textfn.commands, and the name of the function
    there that declares its arguments."""

    help: str
    module: str
    declare: str = "add_arguments"

    def fill(self, parser: Parser) -> None:
        module = importlib.import_module(f"textfn.commands.{self.module}")
        getattr(module, self.declare)(parser)
        parser.set_defaults(prog=parser.prog)


class Group(NamedTuple):
    """Commands below one word."""

    help: str
    words: "Mapping[str, Word | Group]"

    def fill(self, parser: Parser) -> None:
        add = parser.add_words()
        for name, word in self.words.items():
            add(name, help=word.help, fill=word.fill)
        parser.set_defaults(run=lambda _: _show(parser), prog=parser.prog)


MODELS: dict[str, Word | Group] = {
    "list": Word(
        "list models: installed, stand-ins, and those that can be pulled", "models", "add_list"
    ),
    "pull": Word("install models of the catalogue from the Hugging Face Hub or a mirror", "pull"),
    "add": Word("install an ONNX encoder from a folder", "add"),
    "push": Word("upload an installed model to an S3 bucket", "push"),
    "remove": Word("delete a model that was pulled or added", "models", "add_remove"),
    "verify": Word("check the files and numbers of installed models", "verify"),
    "evaluate": Word("score an installed model on labelled data", "evaluate"),
}
WORDS: dict[str, Word | Group] = {
    "serve": Word("serve all functions on this machine", "serve"),
    "embed": Word("compute embeddings of texts", "ask", "add_embed"),
    "classify": Word("compute labels of texts, with scores", "ask", "add_classify"),
    "similarity": Word("compare sentences with a text", "ask", "add_similarity"),
    "models": Group("install models, check them, score them", MODELS),
    "bundle": Word("build one zip file per function for AWS Lambda", "bundle"),
    "doctor": Word("check this installation, or a bundle", "doctor"),
    "cost": Word("estimate the cost of a million texts on AWS Lambda", "cost"),
    "token": Group("make API tokens", {"new": Word("make an API token and its hash", "token")}),
    "completion": Word("print a completion script for bash, zsh or fish", "completion"),
    "help": Word("show the help of a command", "help"),
}  # fmt: skip


def parser() -> Parser:
    made = Parser(
        prog="textfn",
        description=DESCRIPTION,
        epilog=f"textfn COMMAND --help shows an example and the options of a command.\n{CODES}",
        fill=Group("", WORDS).fill,
    )
    made.add_argument(
        "--version", action="version", version=f"textfn {VERSION}", help="print the version"
    )
    return made


def _show(parser: argparse.ArgumentParser) -> int:
    """Show the help of a word that was given without its command."""
    parser.print_help(sys.stderr)
    return 2
