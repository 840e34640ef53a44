"""`textfn models evaluate`: how well an installed model does on labelled data."""

import argparse
from pathlib import Path

from textfn.parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.description = (
        "Score a model on a TSV file with a header line.\n"
        "  a classifier (label, text): accuracy, calibration error and confusion; a label is a\n"
        "    number or a name\n"
        "  an embedding model (score, sentence1, sentence2): Spearman's rank correlation of its\n"
        "    cosines with the scores\n"
        "Both: texts per second."
    )
    parser.epilog = (
        "example: textfn models evaluate all-minilm-l6-v2 stsb/dev.tsv\n\n"
        "exit codes: 0 done; 1 failed; 2 wrong command or setting; 130 stopped (Ctrl-C)"
    )
    parser.add_argument("model", help="any name of an installed model")
    parser.add_argument("file", type=Path, help="TSV with a header line, plain or .gz")
    parser.set_defaults(run=evaluate)


def evaluate(options: argparse.Namespace) -> int:
    from textfn.checking import scores

    print("\n".join(scores.evaluate(options.model, options.file)))
    return 0
