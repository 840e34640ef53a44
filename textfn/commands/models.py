"""`textfn models list` and `textfn models remove`."""

import argparse
import json
import shutil
from typing import TYPE_CHECKING, Any

from textfn.failure import Failure
from textfn.parser import Parser

if TYPE_CHECKING:
    from shared.manifest import Manifest
    from shared.names import Catalogue

# The work per token is 12 * layers * width² multiplications, those of a layer's matrices; here it
# is counted in MiniLM's: 2 of bge-small, 4 of DistilBERT, 8 of the base sizes, 28 of bge-large.
MINILM = 6 * 384**2
SPEEDS = {2: "small", 8: "base"}


class NotRemoved(Failure):
    """The model stays where it is."""


def add_list(parser: Parser) -> None:
    parser.description = (
        "List the models of the catalogue: size, class of speed, tasks, and whether the model is\n"
        "installed, not installed, or replaced by an installed one that gives scores in its place."
    )
    parser.epilog = "example: textfn models list --json\n\nexit codes: 0 listed; 1 failed"
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.set_defaults(run=show)


def add_remove(parser: Parser) -> None:
    parser.description = "Delete the files of a model that was pulled or added."
    parser.epilog = (
        "example: textfn models remove bge-base-en-v1.5\n\nexit codes: 0 removed; 1 not removed"
    )
    parser.add_argument("name", metavar="NAME", help="any name of an installed model")
    parser.set_defaults(run=remove)


def show(options: argparse.Namespace) -> int:
    from textfn.known import catalogue

    known = catalogue()
    models = [_described(manifest, known) for manifest in known]
    if options.json:
        print(json.dumps(models, indent=1))
        return 0
    width = max((len(model["id"]) for model in models), default=0)
    for model in models:
        size = f"{model['bytes'] / 1e6:.1f} MB" if model["bytes"] else ""
        state = f"{model['state']}: {model['stand_in']}" if model["stand_in"] else model["state"]
        tasks = ", ".join(model["tasks"])
        print(f"{model['id']:{width}}  {size:>9}  {model['speed']:5}  {tasks}  ({state})")
    return 0


def _described(manifest: "Manifest", known: "Catalogue") -> dict[str, Any]:
    stand_in = "" if manifest.installed else _stand_in(manifest, known)
    state = "installed" if manifest.installed else "stand-in" if stand_in else "not installed"
    files = [manifest.folder / name for name in manifest.sha256] if manifest.installed else []
    return {
        "id": manifest.id,
        "aliases": manifest.aliases,
        "state": state,
        "stand_in": stand_in,
        "bytes": sum(path.stat().st_size for path in files),
        "speed": speed(manifest),
        "tasks": manifest.tasks,
        "licence": manifest.licence,
    }


def speed(manifest: "Manifest") -> str:
    """Return the class of an encoder by its work per token; nothing where its size is not known."""
    work = manifest.layers * manifest.width**2 / MINILM
    return next((SPEEDS[most] for most in SPEEDS if work <= most), "large") if work else ""


def _stand_in(manifest: "Manifest", known: "Catalogue") -> str:
    """Return the installed model that gives scores, and nothing but scores, in place of this."""
    from shared.names import SCORES, standing_in
    from shared.settings import Settings

    for task in SCORES & set(manifest.tasks) if Settings.read().stand_ins == "on" else ():
        installed = [each for each in known.installed if task in each.tasks]
        if found := standing_in(manifest.names, installed):
            return found.manifest.id
    return ""


def remove(options: argparse.Namespace) -> int:
    from textfn.installing.staging import PULLED
    from textfn.known import find

    manifest = find(options.name)
    if not manifest.installed:
        raise NotRemoved(f"{manifest.id} is not installed")
    if not (manifest.folder / PULLED).exists():
        raise NotRemoved(f"{manifest.id} was not pulled or added; {manifest.folder} stays")
    (manifest.folder / "manifest.toml").unlink()  # from here on it is not served
    shutil.rmtree(manifest.folder)
    print(f"{manifest.id} is removed: {manifest.folder}")
    return 0
