"""What is installed: `textfn models list` and `textfn models remove`."""

import argparse
import json
import shutil
import sys
from typing import Any

from shared.errors import UnknownModel
from shared.manifest import BadManifest, Manifest
from shared.names import SCORES, Catalogue, standing_in
from shared.settings import Settings
from textfn.installing.staging import PULLED

# A token's work is 12 * layers * width² multiplications, those of a layer's matrices; here it is
# counted in MiniLM's: 2 of bge-small, 4 of DistilBERT, 8 of the base sizes, 28 of bge-large.
MINILM = 6 * 384**2
SPEEDS = {2: "small", 8: "base"}


def add_to(commands: Any) -> None:
    parser = commands.add_parser(
        "list",
        help="what is installed, what stands in, what can be pulled",
        epilog="example: textfn models list --json",
    )
    parser.add_argument("--json", action="store_true", help="for a program: a list of objects")
    parser.set_defaults(command=show)
    parser = commands.add_parser(
        "remove",
        help="delete a model that was pulled or added",
        epilog="example: textfn models remove bge-base-en-v1.5. "
        "Exit codes: 0 removed, 1 not removed, and a line says why",
    )
    parser.add_argument("name", metavar="NAME", help="any name of an installed model")
    parser.set_defaults(command=remove)


def show(options: argparse.Namespace) -> int:
    try:
        models = [_described(manifest) for manifest in Catalogue.read(Settings.read())]
    except BadManifest as error:
        return _failed("list", str(error))
    if options.json:
        print(json.dumps(models, indent=1))
        return 0
    width = max(len(model["id"]) for model in models)
    for model in models:
        size = f"{model['bytes'] / 1e6:.1f} MB" if model["bytes"] else ""
        state = f"{model['state']}: {model['stand_in']}" if model["stand_in"] else model["state"]
        tasks = ", ".join(model["tasks"])
        print(f"{model['id']:{width}}  {size:>9}  {model['speed']:5}  {tasks}  ({state})")
    return 0


def _described(manifest: Manifest) -> dict[str, Any]:
    stand_in = "" if manifest.installed else _stand_in(manifest)
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


def speed(manifest: Manifest) -> str:
    """The class of an encoder by its work a token; nothing where its size is not known."""
    work = manifest.layers * manifest.width**2 / MINILM
    return next((SPEEDS[most] for most in SPEEDS if work <= most), "large") if work else ""


def _stand_in(manifest: Manifest) -> str:
    """The installed model that gives scores, and nothing but scores, in place of this one."""
    settings = Settings.read()
    for task in SCORES & set(manifest.tasks) if settings.stand_ins == "on" else ():
        among = [each for each in Catalogue.read(settings).installed if task in each.tasks]
        if found := standing_in(manifest.names, among):
            return found.manifest.id
    return ""


def remove(options: argparse.Namespace) -> int:
    try:
        manifest = Catalogue.read(Settings.read()).find(options.name)
        if not manifest.installed:
            return _failed("remove", f"{manifest.id} is not installed")
        if not (manifest.folder / PULLED).exists():
            return _failed("remove", f"{manifest.id} was not pulled; {manifest.folder} stays")
        (manifest.folder / "manifest.toml").unlink()  # from here on it is not served
        shutil.rmtree(manifest.folder)
    except UnknownModel as error:
        return _failed("remove", f"{error} {error.hint}")
    except (BadManifest, OSError) as error:
        return _failed("remove", str(error))
    print(f"{manifest.id} is removed: {manifest.folder}")
    return 0


def _failed(command: str, message: str) -> int:
    print(f"textfn models {command}: {message}", file=sys.stderr)
    return 1
