"""`textfn models pull`: installs models of the catalogue from the Hugging Face Hub."""

import argparse
import sys
from typing import Any

from shared.errors import UnknownModel
from shared.manifest import BadManifest, Manifest
from shared.names import Catalogue
from shared.settings import Settings
from textfn.installing.staging import FULL, Busy, NoSpace

CODES = """exit codes:
  0  installed, or it was before        6  no such repository, revision or file (404)
  1  it cannot be built                 7  too many requests (429)
  2  wrong command or unknown model     8  the Hub failed (5xx)
  3  the Hub cannot be reached          9  a file is not the pinned one; it was deleted
  4  the connection was cut            10  the disk is full
  5  not allowed (401, 403)           130  stopped (Ctrl-C)
After 3 to 8, 10 and 130 the next pull goes on from what has arrived.

example: textfn models pull bge-base-en-v1.5"""


def add_to(commands: Any) -> None:
    parser = commands.add_parser(
        "pull",
        help="install models of the catalogue from the Hugging Face Hub",
        description="Downloads a checkpoint at its pinned revision, checks it and builds the int8 "
        "graph, into TEXTFN_MODELS_DIR or models/. HF_TOKEN opens a gated repository.",
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="any name of a catalogued model")
    parser.add_argument("--all", action="store_true", help="all that are not installed")
    parser.set_defaults(command=pull)


def pull(options: argparse.Namespace) -> int:
    try:
        manifests = _chosen(options)
    except UnknownModel as error:
        return _failed(f"{error} {error.hint}", 2)
    except ValueError as error:
        return _failed(str(error), 2)
    try:
        return max(map(_install, manifests), default=0)
    except KeyboardInterrupt:
        return _failed("stopped; the next pull goes on from what has arrived", 130)


def _chosen(options: argparse.Namespace) -> list[Manifest]:
    if options.all == bool(options.names):
        raise ValueError("give the names of models, or --all")
    catalogue = Catalogue.read(Settings.read())
    return list(catalogue) if options.all else [catalogue.find(name) for name in options.names]


def _install(manifest: Manifest) -> int:
    if manifest.installed:
        print(f"{manifest.id} is installed: {manifest.folder}")
        return 0
    try:
        from textfn.building.build import BuildError
        from textfn.building.checkpoint import CheckpointError
        from textfn.installing.hub import HubError
        from textfn.installing.pulled import install
    except ModuleNotFoundError as error:
        return _failed(f"{error.name} is not installed here; `make .venv/dev` installs it", 1)
    try:
        print(f"{manifest.id} is installed: {install(manifest)}")
    except (HubError, NoSpace) as error:
        return _failed(str(error), error.code)
    except (Busy, BuildError, CheckpointError, BadManifest) as error:
        return _failed(str(error), 1)
    except OSError as error:
        return _failed(str(error), NoSpace.code if error.errno in FULL else 1)
    return 0


def _failed(message: str, code: int) -> int:
    print(f"textfn models pull: {message}", file=sys.stderr)
    return code
