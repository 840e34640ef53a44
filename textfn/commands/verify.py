"""`textfn models verify`: whether the files of installed models are what their manifests say."""

import argparse
import sys
from typing import TYPE_CHECKING

from textfn.parser import Parser

if TYPE_CHECKING:
    from shared.manifest import Manifest


def add_arguments(parser: Parser) -> None:
    parser.description = (
        "Check hashes, graph inputs, output width and tokenizer ids, and compare the model's\n"
        "numbers with those of its manifest, published ones or its own without padding. They show\n"
        "that labels, function, pooling, padding and the limit of tokens are right."
    )
    parser.epilog = (
        "example: textfn models verify all-minilm-l6-v2\n\n"
        "exit codes: 0 right; 1 something is wrong; 2 wrong command or setting"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all installed models")
    parser.set_defaults(run=verify)


def verify(options: argparse.Namespace) -> int:
    from textfn.known import catalogue, find

    manifests = [find(name) for name in options.names] or catalogue().installed
    return max(map(_report, manifests), default=0)


def _report(manifest: "Manifest") -> int:
    from textfn.checking.model import problems

    wrong = problems(manifest)
    for problem in wrong:
        print(f"{manifest.id}: {problem}", file=sys.stderr)
    if not wrong:
        count = len(manifest.references)
        print(f"{manifest.id}: right ({len(manifest.sha256)} files, {count} references)")
    return 1 if wrong else 0
