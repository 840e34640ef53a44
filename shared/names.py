"""The catalogue, which finds the manifest of a model by any spelling of its names."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from shared.errors import ModelNotInstalled, UnknownModel
from shared.manifest import BUNDLED, FETCHED, BadManifest, Manifest, read
from shared.settings import BadSetting, Settings

# Tasks that a stand-in may answer. Vectors of two models in one index would be corrupt data.
SCORES = {"sentence-similarity", "text-classification"}
# The longest name that is looked at, in characters: encoded twice, the longest of the catalogue has
# 90. A longer one is unknown, whatever it costs to compare.
MOST_CHARACTERS = 200


# Task -> the setting that names its default model, and the task that this model must have.
DEFAULTS = {
    "text-embeddings": ("default_embedder", "text-embeddings"),
    "sentence-similarity": ("default_embedder", "text-embeddings"),
    "text-classification": ("default_classifier", "text-classification"),
}
APART = "Vectors of different models cannot be compared."


class Choice(NamedTuple):
    """The installed model that answers. A stand-in has the name that it stands in for."""

    manifest: Manifest
    stand_in_for: str = ""


class Catalogue:
    """The known models, installed or not: one manifest per id.

    `served` are the ids that other functions of a deployment serve, `defaults` the names of the
    default models by their settings.
    """

    def __init__(
        self,
        manifests: Iterable[Manifest],
        served: Iterable[str] = (),
        defaults: Mapping[str, str] | None = None,
    ) -> None:
        """Raises BadManifest if two models share a name."""
        known = list(manifests)
        check_names_are_unique(known)
        self._by_id = _one_per_id(known)
        self._served = frozenset(served)
        self._defaults = defaults or {}

    @classmethod
    def read(cls, settings: Settings) -> Catalogue:
        """Read the manifests of models/, of TEXTFN_MODELS_DIR and of the fetched model.

        Raises BadManifest.
        """
        defaults = {setting: getattr(settings, setting) for setting, _ in DEFAULTS.values()}
        return cls(map(read, model_folders(settings)), settings.served, defaults)

    def __iter__(self) -> Iterator[Manifest]:
        return iter(self._by_id.values())

    @property
    def installed(self) -> list[Manifest]:
        return [each for each in self if each.installed]

    @property
    def served(self) -> list[Manifest]:
        """The models that are installed here, or served by other functions of the deployment."""
        return [each for each in self if each.installed or each.id in self._served]

    def find(self, name: str, task: str = "") -> Manifest:
        """Return the manifest of any spelling of a name, of one task if it is given.

        Raises UnknownModel.
        """
        manifest = self._by_key.get(key(name))
        if manifest is None or (task and task not in manifest.tasks):
            raise self.unknown(name, task)
        return manifest

    def unknown(self, name: str, task: str = "") -> UnknownModel:
        """Return the error of a name that no model has, or none of a task, with names like it.

        A suggested model is another one, so an index must not mix its vectors with others.
        """
        likely = [each for each in self if not task or task in each.tasks]
        close = _close(name, likely)
        served = [each.id for each in self.served if each in likely]
        notes = []
        if named := self._by_key.get(key(name)):
            notes.append(f"{named.id} is a model for {' and '.join(named.tasks)}.")
        if any("text-embeddings" in self._by_key[key(each)].tasks for each in close):
            notes.append(APART)
        error = UnknownModel(name, close, served)
        error.hint = " ".join([error.hint, *notes])
        return error

    def default(self, task: str) -> str:
        """Return the name of the model that answers if a request of a task names none, or "".

        Raises BadSetting if the name of the setting belongs to no model that can answer.
        """
        setting, needed = DEFAULTS[task]
        name, able = self._defaults.get(setting, ""), self._able(needed)
        if name and able and key(name) not in {key(each) for m in able for each in m.names}:
            ids = ", ".join(each.id for each in able)
            raise BadSetting(
                f"TEXTFN_{setting.upper()} is {name!r}, which is not installed or no model for "
                f"{needed}. Set it to one of: {ids}."
            )
        return name if name and able else next((each.id for each in self._able(task)), "")

    def check_defaults(self) -> None:
        """Raise BadSetting for a default model that cannot answer."""
        for task in DEFAULTS:
            self.default(task)

    def _able(self, task: str) -> list[Manifest]:
        """Return the models of a task that are here, or else those of the other functions."""
        here = [each for each in self.installed if task in each.tasks]
        return here or [each for each in self.served if task in each.tasks]

    @functools.cached_property
    def _by_key(self) -> dict[str, Manifest]:
        return {key(name): each for each in self for name in each.names}


class TaskNames:
    """The names that a task answers to."""

    def __init__(self, task: str, catalogue: Catalogue, *, stand_ins: bool) -> None:
        self._task, self._catalogue = task, catalogue
        self._known = {
            key(name): each for each in catalogue if task in each.tasks for name in each.names
        }
        installed = [each for each in catalogue.installed if task in each.tasks]
        self._stand_ins = installed if stand_ins and task in SCORES else []

    def __contains__(self, name: str) -> bool:
        """Tell whether the name belongs to this task. Its model need not be installed."""
        return key(name) in self._known or standing_in([name], self._stand_ins) is not None

    def choose(self, name: str | None) -> Choice:
        """Return the installed model of a name; None means the default.

        Raises ModelNotInstalled or UnknownModel, and BadSetting for a default that cannot answer.
        """
        name = self._catalogue.default(self._task) if name is None else name
        manifest = self._known.get(key(name))
        if manifest and manifest.installed:
            return Choice(manifest)
        if found := standing_in(manifest.names if manifest else [name], self._stand_ins):
            return found
        if manifest:
            raise ModelNotInstalled(name, f"textfn models pull {manifest.id}")
        raise self._catalogue.unknown(name, self._task)


def standing_in(names: Iterable[str], among: Iterable[Manifest]) -> Choice | None:
    """Return the first model among some that stands in for one of these names."""
    keys = set(map(key, names))
    choices = (Choice(each, name) for each in among for name in each.stands_in_for)
    return next((each for each in choices if key(each.stand_in_for) in keys), None)


def key(name: str) -> str:
    """Reduce all spellings that clients send to one.

    "@cf%2Fbaai%2Fbge-base-en-v1.5", "workers-ai/@cf/baai/...", "cf/baai/..." and any case of them.
    """
    if len(name) > MOST_CHARACTERS:
        return ""
    name = unquote(unquote(name)).strip("/").lower()
    return name.removeprefix("workers-ai/").removeprefix("@")


def _close(name: str, manifests: Iterable[Manifest]) -> list[str]:
    """Return at most two names of models that look like this one."""
    from difflib import get_close_matches  # only a wrong name pays for the import

    names = {key(each): each for manifest in manifests for each in manifest.names}
    return [names[each] for each in get_close_matches(key(name), names, n=2)]


def check_names_are_unique(manifests: Iterable[Manifest]) -> None:
    """Raise BadManifest if two models share a name, in any spelling of it.

    Two manifests with the same id describe one model: in the catalogue, and once it is pulled.
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
    """Keep one folder per id: the installed one, or else the first.

    The first one, the catalogue's, says which pooling is the model's own: a folder that an earlier
    version pulled has mean pooling first.
    """
    first: dict[str, Manifest] = {}
    served: dict[str, Manifest] = {}
    for each in manifests:
        own = first.setdefault(each.id, each).pooling
        if own != each.pooling and set(own) == set(each.pooling):
            each = replace(each, pooling=own)
        if each.id not in served or each.installed > served[each.id].installed:
            served[each.id] = each
    return served
