"""A check of `textfn doctor`, and those that an installation and a bundle have in common."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from textfn.digests import file_sha256


class Check(NamedTuple):
    """A finding. `state` is ok, warn or fail; `remedy` says what to do where it is not ok."""

    name: str
    state: str
    found: str
    remedy: str = ""


def compare(found: dict[str, str], pinned: dict[str, str], remedy: str) -> Iterator[Check]:
    """Compare versions: a missing package fails, another version than the pinned one warns."""
    missing = [name for name in found if not found[name]]
    others = [
        f"{name} {found[name]} instead of {pinned[name]}"
        for name in found
        if found[name] and found[name] != pinned[name]
    ]
    if missing:
        yield Check("packages", "fail", f"missing: {', '.join(missing)}", remedy)
    if others:
        yield Check("packages", "warn", f"untested: {', '.join(others)}", remedy)
    if not missing and not others:
        yield Check("packages", "ok", f"{len(found)}, each of the version that is pinned")


def model_files(manifests: Iterable[Any]) -> Iterator[Check]:
    """Compare the hashes of each model's files; a model that is here in part fails."""
    count = 0
    for manifest in manifests:
        paths = {name: manifest.folder / name for name in manifest.sha256}
        here = [name for name in paths if paths[name].exists()]
        again = f"textfn models pull {manifest.id}, or restore the files."
        wrong = [name for name in here if _differs(paths[name], manifest.sha256[name])]
        if wrong:
            yield Check(
                manifest.id, "fail", f"another sha256, or not readable: {', '.join(wrong)}", again
            )
        elif here and len(here) < len(paths):
            missing = ", ".join(sorted(set(paths) - set(here)))
            yield Check(manifest.id, "fail", f"missing: {missing}", again)
        elif here:
            count += 1
            yield Check(manifest.id, "ok", f"{len(here)} files, each as its manifest says")
    if not count:
        yield Check("models", "warn", "none is complete here", "textfn models list")


def _differs(path: Path, sha256: str) -> bool:
    try:
        return file_sha256(path) != sha256
    except OSError:
        return True
