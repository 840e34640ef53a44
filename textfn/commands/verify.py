"""`textfn models verify`: whether an installed model's files are what its manifest says."""

import argparse
import sys
from typing import Any

from shared.errors import UnknownModel
from shared.manifest import BadManifest, Manifest
from shared.names import Catalogue
from shared.settings import Settings
from textfn.checking.model import problems


def add_to(commands: Any) -> None:
    parser = commands.add_parser(
        "verify",
        help="check the files of installed models",
        description="Checks hashes, graph inputs, output width, tokenizer ids, and the published "
        "numbers of the manifest: labels and pooling are right where those are met.",
        epilog="example: textfn models verify all-minilm-l6-v2. Exit codes: 0 right, 1 wrong",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all that are installed")
    parser.set_defaults(command=verify)


def verify(options: argparse.Namespace) -> int:
    try:
        manifests = [Catalogue.read(Settings.read()).find(name) for name in options.names]
        manifests = manifests or Catalogue.read(Settings.read()).installed
    except (UnknownModel, BadManifest) as error:
        print(f"textfn models verify: {error}", file=sys.stderr)
        return 1
    return max(map(_report, manifests), default=0)


def _report(manifest: Manifest) -> int:
    wrong = problems(manifest)
    for problem in wrong:
        print(f"{manifest.id}: {problem}", file=sys.stderr)
    if not wrong:
        count = len(manifest.references)
        print(f"{manifest.id}: right ({len(manifest.sha256)} files, {count} published references)")
    return 1 if wrong else 0
