"""`textfn models add`: installs an ONNX encoder as the Hugging Face Hub has it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.manifest import BadManifest, Manifest
from textfn.installing.added import NotAdded, install, named
from textfn.installing.staging import FULL, Busy, NoSpace

if TYPE_CHECKING:  # the command line starts without onnx
    pass


def add_to(commands: Any) -> None:
    parser = commands.add_parser(
        "add",
        help="install an ONNX encoder from a folder of the Hugging Face Hub",
        description="Copies model.onnx or onnx/model.onnx, its data files and tokenizer.json into "
        "TEXTFN_MODELS_DIR or models/, reads the rest from the configuration files beside them, "
        "and tries the model before it is installed.",
        epilog="example: textfn models add ./gte-small. "
        "Exit codes: 0 added, 1 not added, and a line says why, 10 the disk is full",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a repository's files")
    parser.add_argument("--name", default="", help="what it is called here; default: DIR's name")
    parser.add_argument("--graph", default="", metavar="FILE", help="another graph of DIR")
    parser.add_argument(
        "--pooling", default="", choices=["mean", "cls"], help="where no file of DIR says it"
    )
    parser.set_defaults(command=add)


def add(options: argparse.Namespace) -> int:
    try:
        from textfn.installing.onnx_folder import CannotServe, found
    except ModuleNotFoundError as error:
        return _failed(f"{error.name} is not installed here; `make .venv/dev` installs it", 1)
    try:
        folder = options.folder.resolve()
        name, known = named(options.name or folder.name)
        manifest = install(found(folder, options.graph, options.pooling), name, known)
    except (CannotServe, NotAdded, Busy, BadManifest) as error:
        return _failed(str(error), 1)
    except OSError as error:
        return _failed(str(error), NoSpace.code if error.errno in FULL else 1)
    except KeyboardInterrupt:
        return _failed("stopped; nothing was added", 130)
    print(_summary(manifest))
    return 0


def _summary(manifest: Manifest) -> str:
    answer = ", ".join(manifest.labels) or f"{manifest.dimensions} dimensions"
    length = "unit length" if manifest.normalize else "not normalized"
    how = "" if manifest.labels else f", {' or '.join(manifest.pooling)} pooling, {length}"
    return (
        f"{manifest.id} is installed: {manifest.folder}\n"
        f"{answer}, {manifest.max_tokens} tokens{how}"
    )


def _failed(message: str, code: int) -> int:
    print(f"textfn models add: {message}", file=sys.stderr)
    return code
