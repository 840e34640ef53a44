"""`textfn models add`: installs an ONNX encoder as the Hugging Face Hub has it."""

import argparse
import sys
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
        "examples:\n"
        "  textfn models add ./gte-small\n"
        "  textfn models add ./bge-m3-onnx --name BAAI/bge-m3 --alias @cf/baai/bge-m3 \\\n"
        "      --pooling cls --normalize\n\n"
        "exit codes: 0 added; 1 not added; 2 wrong command or setting; 10 the disk is full;\n"
        "130 stopped (Ctrl-C)"
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the files of a repository")
    parser.add_argument(
        "--name", default="", help="NAME, ORG/NAME or @cf/ORG/NAME; default: DIR's name"
    )
    parser.add_argument(
        "--alias", action="append", default=[], metavar="NAME", help="another name; may be repeated"
    )
    parser.add_argument("--graph", default="", metavar="FILE", help="another graph of DIR")
    parser.add_argument("--output", default="", metavar="NAME", help="another output of the graph")
    parser.add_argument(
        "--pooling",
        default="",
        choices=["mean", "cls", "last"],
        help="of a row per token, where no file of DIR says it",
    )
    parser.add_argument(
        "--normalize",
        action=argparse.BooleanOptionalAction,
        help="whether vectors get unit length, where no file of DIR says it",
    )
    parser.set_defaults(run=add, stopped="stopped; nothing was added")


def add(options: argparse.Namespace) -> int:
    from textfn.installing.added import install
    from textfn.installing.onnx_folder import Asked

    asked = Asked(
        options.name,
        tuple(options.alias),
        options.graph,
        options.output,
        options.pooling,
        options.normalize,
    )
    print(install(options.folder.resolve(), asked, _printable_summary))
    return 0


def _printable_summary(manifest: "Manifest") -> str:
    """Write letters that the terminal cannot show by their numbers: printing never fails."""
    encoding = sys.stdout.encoding or "utf-8"
    return _summary(manifest).encode(encoding, "backslashreplace").decode(encoding)


def _summary(manifest: "Manifest") -> str:
    length = "unit length" if manifest.normalize else "not normalized"
    vectors = f"{' or '.join(manifest.pooling)} pooling, {length}"
    lines = [
        f"{manifest.id} is installed: {manifest.folder}",
        f"{', '.join(manifest.labels) or f'{manifest.dimensions} dimensions'}, "
        f"{manifest.max_tokens} tokens, {manifest.function if manifest.labels else vectors}",
        f"other names: {', '.join(manifest.aliases)}" if manifest.aliases else "",
        f"prompts: {', '.join(manifest.prompts)}" if any(manifest.prompts.values()) else "",
        f"before every text: {manifest.default_prompt}" if manifest.default_prompt else "",
    ]
    return "\n".join(filter(None, lines))
