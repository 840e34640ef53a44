"""`textfn bundle`: a function, its packages and its model as a zip for AWS Lambda.

Standard library and pip only: `python3 -m textfn bundle` needs nothing installed.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from textfn.parser import Parser

if TYPE_CHECKING:
    from textfn.bundling.assembly import Bundle
    from textfn.bundling.wheels import Target

DEFAULTS = (
    "text-embeddings=all-minilm-l6-v2",
    "sentence-similarity=all-minilm-l6-v2",
    "text-classification=minilm-l6-sst2-int8",
    "catalogue",
)
ARCHITECTURES = ("x86_64", "arm64")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def add_arguments(parser: Parser) -> None:
    defaults = "\n".join(f"  {each}" for each in DEFAULTS)
    parser.description = (
        "Build one zip file per function for AWS Lambda: the function, its packages and its\n"
        f"model. Each is run once where this machine can run it. Without names:\n{defaults}"
    )
    parser.epilog = (
        "example: textfn bundle --arch arm64 text-embeddings=bge-base-en-v1.5\n\n"
        "exit codes: 0 written; 1 not written; 2 wrong command or setting; 130 stopped (Ctrl-C)"
    )
    parser.add_argument(
        "--arch", choices=ARCHITECTURES, default="x86_64", help="processor (%(default)s)"
    )
    parser.add_argument(
        "--python", choices=PYTHONS, default="3.13", help="version of Python (%(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("dist"), help="folder for the zips (%(default)s)"
    )
    parser.add_argument("--folder", type=Path, help="write one function into this folder, unzipped")
    parser.add_argument("bundles", nargs="*", metavar="FUNCTION=MODEL", help="default: see above")
    parser.set_defaults(run=bundle)


def bundle(options: argparse.Namespace) -> int:
    from textfn.bundling.assembly import BundleError
    from textfn.bundling.wheels import Target

    target = Target(options.python, options.arch)
    chosen = [parse(each) for each in options.bundles or DEFAULTS]
    if options.folder and len(chosen) != 1:
        raise BundleError("--folder takes one function: name it")
    _warn(_warnings(target), options.prog)
    for each in chosen:
        _write(each, target, options)
    return 0


def parse(text: str) -> "Bundle":
    """Read FUNCTION=MODEL. Raises BundleError or UnknownModel."""
    from textfn.bundling.assembly import CATALOGUE, Bundle, BundleError
    from textfn.known import find
    from textfn.layout import ROOT

    task, _, name = text.partition("=")
    if task == CATALOGUE and not name:
        return Bundle(task, None)
    if not name or not (ROOT / "functions" / f"{task.replace('-', '_')}.py").exists():
        raise BundleError(f"{text} is no bundle; there are {', '.join(DEFAULTS)}")
    model = find(name)
    if task not in model.tasks:
        raise BundleError(f"{model.id} is for {', '.join(model.tasks)}, not for {task}")
    if not model.installed:
        raise BundleError(f"{model.id} is not installed here: textfn models pull {model.id}")
    return Bundle(task, model)


def _warnings(target: "Target") -> list[str]:
    from textfn.bundling.assembly import interpreter

    warnings = []
    if target.python == "3.11":
        warnings.append("AWS's python3.11 has glibc 2.26, and onnxruntime needs 2.28: take 3.12")
    if not interpreter(target.python):
        warnings.append(f"no python{target.python} here to compile with: each cold start will")
    return warnings


def _write(bundle: "Bundle", target: "Target", options: argparse.Namespace) -> None:
    from textfn.bundling.archive import built, write_archive, write_folder

    prog = f"{options.prog}: {bundle.name}"
    with built(bundle, target) as done:
        _warn(done.warnings, prog)
        if options.folder:
            write_folder(done, options.folder)
            print(f"{bundle.name}: {options.folder}{done.measured}")
            return
        archive, warnings = write_archive(done, options.out)
        _warn(warnings, prog)
        sizes = f"{archive.stat().st_size / 1e6:.1f} MB, unzipped {done.unzipped / 1e6:.1f} MB"
        print(f"{archive}: {sizes}{done.measured}")


def _warn(warnings: Iterable[str], prog: str) -> None:
    for warning in warnings:
        print(f"{prog}: {warning}", file=sys.stderr)
