"""The catalogue: any spelling of a name -> the manifest of the model that it names."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from shared.errors import ModelNotInstalled, UnknownModel
from shared.manifest import BUNDLED, FETCHED, BadManifest, Manifest, read
from shared.settings import Settings

# Another model's vectors in an index are corrupt data. A score is a score.
SCORES = {"sentence-similarity", "text-classification"}


class Choice(NamedTuple):
    """The installed model that answers, and in place of which name if it is a stand-in."""

    manifest: Manifest
    stand_in_for: str = ""


class Catalogue:
    """The models that are known here, one manifest per id, installed or not.

    `served` are the ids that other functions of a deployment serve.
    """

    def __init__(self, manifests: Iterable[Manifest], served: Iterable[str] = ()) -> None:
        """Raises BadManifest if two models share a name."""
        known = list(manifests)
        check_names_are_unique(known)
        self._by_id = _one_per_id(known)
        self._served = frozenset(served)

    @classmethod
    def read(cls, settings: Settings) -> Catalogue:
        """The manifests of models/, of TEXTFN_MODELS_DIR and of the model that was fetched.

        Raises BadManifest.
        """
        return cls(map(read, model_folders(settings)), settings.served)

    def __iter__(self) -> Iterator[Manifest]:
        return iter(self._by_id.values())

    @property
    def installed(self) -> list[Manifest]:
        return [each for each in self if each.installed]

    @property
    def served(self) -> list[Manifest]:
        """The models that are here, or in the other functions of a deployment."""
        return [each for each in self if each.installed or each.id in self._served]

    def find(self, name: str) -> Manifest:
        """The manifest of any spelling of a name. Raises UnknownModel."""
        if key(name) not in self._by_key:
            raise UnknownModel(name, self.close(name), [each.id for each in self.installed])
        return self._by_key[key(name)]

    def close(self, name: str) -> list[str]:
        """At most two names of the catalogue that look like this one."""
        from difflib import get_close_matches  # only a wrong name pays for the import

        names = {key(each): each for manifest in self for each in manifest.names}
        return [names[each] for each in get_close_matches(key(name), names, n=2)]

    @functools.cached_property
    def _by_key(self) -> dict[str, Manifest]:
        return {key(name): each for each in self for name in each.names}


class TaskNames:
    """The names that a task answers to. The first installed model is the default."""

    def __init__(self, task: str, catalogue: Catalogue, *, stand_ins: bool) -> None:
        self._catalogue = catalogue
        self._known = {
            key(name): each for each in catalogue if task in each.tasks for name in each.names
        }
        self._installed = [each for each in catalogue.installed if task in each.tasks]
        self._stand_ins = self._installed if stand_ins and task in SCORES else []

    def __contains__(self, name: str) -> bool:
        """Whether the name belongs to this task, be its model installed or not."""
        return key(name) in self._known or standing_in([name], self._stand_ins) is not None

    def choose(self, name: str | None) -> Choice:
        """The installed model of a name, or the default. Raises ModelNotInstalled, UnknownModel."""
        if name is None and self._installed:
            return Choice(self._installed[0])
        name = name or ""
        manifest = self._known.get(key(name))
        if manifest and manifest.installed:
            return Choice(manifest)
        if found := standing_in(manifest.names if manifest else [name], self._stand_ins):
            return found
        if manifest:
            raise ModelNotInstalled(name, f"textfn models pull {manifest.id}")
        served = sorted(each.id for each in self._installed)
        raise UnknownModel(name, self._catalogue.close(name), served)


def standing_in(names: Iterable[str], among: Iterable[Manifest]) -> Choice | None:
    """The first of some models that scores in place of a model with one of these names."""
    keys = set(map(key, names))
    choices = (Choice(each, name) for each in among for name in each.stands_in_for)
    return next((each for each in choices if key(each.stand_in_for) in keys), None)


def key(name: str) -> str:
    """One spelling for all that clients send.

    "@cf%2Fbaai%2Fbge-base-en-v1.5", "workers-ai/@cf/baai/...", "cf/baai/..." and any case of them.
    """
    name = unquote(unquote(name)).strip("/").lower()
    return name.removeprefix("workers-ai/").removeprefix("@")


def check_names_are_unique(manifests: Iterable[Manifest]) -> None:
    """Raises BadManifest if two models share a name, in any spelling of it.

    Two manifests with the same id are one model: a catalogued one, and its files once pulled.
    """
    owners: dict[str, Manifest] = {}
    for manifest in manifests:
        for name in manifest.names:
            owner = owners.setdefault(key(name), manifest)
            if owner.id != manifest.id:
                here, there = (each.folder / "manifest.toml" for each in (manifest, owner))
                raise BadManifest(
                    f"{here}: {name} is the name of two models, {manifest.id} and {owner.id} "
                    f"({there}). Remove it from one of them."
                )


def model_folders(settings: Settings) -> Iterator[Path]:
    """The folders that have a manifest."""
    for folder in filter(None, (BUNDLED, settings.models_dir)):
        yield from (path.parent for path in sorted(folder.glob("*/manifest.toml")))
    if settings.model_bucket:
        yield from (path.parent for path in FETCHED.glob(f"{settings.model}/manifest.toml"))


def _one_per_id(manifests: Iterable[Manifest]) -> dict[str, Manifest]:
    """Of two folders with the same id the installed one is served, or else the first."""
    served: dict[str, Manifest] = {}
    for each in manifests:
        if each.id not in served or each.installed > served[each.id].installed:
            served[each.id] = each
    return served
