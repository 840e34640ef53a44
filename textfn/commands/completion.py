"""`textfn completion`: a script that completes commands and options in a shell."""

import argparse
from pathlib import Path

from textfn.parser import Parser

SHELLS = ("bash", "zsh", "fish")
EXAMPLES = """example: textfn completion bash > ~/.local/share/bash-completion/completions/textfn
         textfn completion zsh > ~/.zfunc/_textfn    (a folder of $fpath)
         textfn completion fish > ~/.config/fish/completions/textfn.fish

exit codes: 0 done; 1 the package shtab is not installed; 2 wrong command"""


def add_arguments(parser: Parser) -> None:
    parser.description = "Print a script that completes commands and options. It needs shtab once."
    parser.epilog = EXAMPLES
    parser.add_argument("shell", choices=SHELLS, help="the shell that reads the script")
    parser.set_defaults(run=completion)


def completion(options: argparse.Namespace) -> int:
    import shtab

    from textfn import words

    parser = words.parser()
    parser.fill_all()
    _complete_paths(parser, shtab.FILE)
    print(shtab.complete(parser, options.shell))
    return 0


def _complete_paths(parser: Parser, files: object) -> None:
    """Let the shell offer files wherever an argument is a path."""
    for action in parser._actions:
        if action.type is Path:
            action.complete = files  # type: ignore[attr-defined]
    for word in parser.words.values():
        _complete_paths(word, files)
