"""`textfn models add`: installs an ONNX encoder as the Hugging Face Hub has it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from textfn.parser import Parser

if TYPE_CHECKING:
    from shared.manifest import Manifest


def add_arguments(parser: Parser) -> None:
    parser.description = (
        "Copy model.onnx or onnx/model.onnx, its data files and tokenizer.json into\n"
        "TEXTFN_MODELS_DIR or models/, read the rest from the configuration files beside them,\n"
        "and try the model before it is installed."
    )
    parser.epilog = (
        "example: textfn models add ./gte-small\n\n"
        "exit codes: 0 added; 1 not added; 2 wrong command or setting; 10 the disk is full;\n"
        "130 stopped (Ctrl-C)"
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the files of a repository")
    parser.add_argument("--name", default="", help="the name of the model; default: DIR's name")
    parser.add_argument("--graph", default="", metavar="FILE", help="another graph of DIR")
    parser.add_argument(
        "--pooling", default="", choices=["mean", "cls"], help="where no file of DIR says it"
    )
    parser.set_defaults(run=add, stopped="stopped; nothing was added")


def add(options: argparse.Namespace) -> int:
    from textfn.installing.added import install

    folder = options.folder.resolve()
    name = options.name or folder.name
    print(_summary(install(folder, name, options.graph, options.pooling)))
    return 0


def _summary(manifest: "Manifest") -> str:
    answer = ", ".join(manifest.labels) or f"{manifest.dimensions} dimensions"
    length = "unit length" if manifest.normalize else "not normalized"
    how = "" if manifest.labels else f", {' or '.join(manifest.pooling)} pooling, {length}"
    return (
        f"{manifest.id} is installed: {manifest.folder}\n"
        f"{answer}, {manifest.max_tokens} tokens{how}"
    )
