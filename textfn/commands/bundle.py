"""`textfn bundle`: a function, its packages and its model as a zip for AWS Lambda.

Standard library and pip only: `python3 -m textfn.commands.bundle` needs nothing installed.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from shared.errors import UnknownModel
from shared.manifest import BadManifest
from shared.names import Catalogue
from shared.settings import Settings
from textfn.bundling.archive import write
from textfn.bundling.assembly import CATALOGUE, Bundle, BundleError, interpreter
from textfn.bundling.inventory import (
    TooBig,
)
from textfn.bundling.wheels import Target, WheelError
from textfn.layout import ROOT

DEFAULTS = (
    "text-embeddings=all-minilm-l6-v2",
    "sentence-similarity=all-minilm-l6-v2",
    "text-classification=minilm-l6-sst2-int8",
    CATALOGUE,
)
ARCHITECTURES = ("x86_64", "arm64")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def add_to(commands: Any) -> None:
    add_options(
        commands.add_parser(
            "bundle",
            help="a zip a function, for AWS Lambda",
            description=f"Writes a zip a function. Without names: {', '.join(DEFAULTS)}.",
            epilog="example: textfn bundle --arch arm64 text-embeddings=bge-base-en-v1.5. "
            "Exit codes: 0 written, 1 not written, and a line says why",
        )
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--arch", choices=ARCHITECTURES, default="x86_64", help="(%(default)s)")
    parser.add_argument("--python", choices=PYTHONS, default="3.13", help="(%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("dist"), help="a folder (%(default)s)")
    parser.add_argument("--folder", type=Path, help="one function, unzipped, into this folder")
    parser.add_argument("bundles", nargs="*", metavar="FUNCTION=MODEL", help="default: the above")
    parser.set_defaults(command=bundle)


def bundle(options: argparse.Namespace) -> int:
    target = Target(options.python, options.arch)
    try:
        chosen = [parse(each) for each in options.bundles or DEFAULTS]
        if options.folder and len(chosen) != 1:
            raise BundleError("--folder takes one function: name it")
        for warning in _warnings(target):
            print(f"textfn bundle: {warning}", file=sys.stderr)
        for each in chosen:
            write(each, target, options)
    except (BundleError, WheelError, TooBig, UnknownModel, BadManifest, OSError) as error:
        hint = getattr(error, "hint", "")
        print(f"textfn bundle: {error} {hint}".rstrip(), file=sys.stderr)
        return 1
    return 0


def parse(text: str) -> Bundle:
    """FUNCTION=MODEL. Raises BundleError or UnknownModel."""
    task, _, name = text.partition("=")
    if task == CATALOGUE and not name:
        return Bundle(task, None)
    if not name or not (ROOT / "functions" / f"{task.replace('-', '_')}.py").exists():
        raise BundleError(f"{text} is no bundle; there are {', '.join(DEFAULTS)}")
    model = Catalogue.read(Settings.read()).find(name)
    if task not in model.tasks:
        raise BundleError(f"{model.id} is for {', '.join(model.tasks)}, not for {task}")
    if not model.installed:
        raise BundleError(f"{model.id} is not installed here: textfn models pull {model.id}")
    return Bundle(task, model)


def _warnings(target: Target) -> list[str]:
    warnings = []
    if target.python == "3.11":
        warnings.append("AWS's python3.11 has glibc 2.26, and onnxruntime needs 2.28: take 3.12")
    if not interpreter(target.python):
        warnings.append(f"no python{target.python} here to compile with: each cold start will")
    return warnings


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="textfn bundle", description=__doc__)
    add_options(parser)
    parsed = parser.parse_args()
    sys.exit(parsed.command(parsed))
