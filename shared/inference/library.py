"""The opened models, and the choice of the one that answers for a name."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from shared.inference.batching import Runs
from shared.inference.bucket import fetch
from shared.inference.model import Model
from shared.manifest import FETCHED, Manifest
from shared.names import Catalogue, TaskNames, model_folders
from shared.settings import Settings


def open_model(settings: Settings, task: str, name: str | None) -> Model:
    """Open one model alone: the one that answers for a name, or the first of the task.

    Raises ModelNotInstalled, UnknownModel, BadManifest, BadModel or CannotFetch.
    """
    names = TaskNames(task, catalogue(settings), stand_ins=settings.stand_ins == "on")
    manifest, stand_in_for = names.choose(name)
    model = Model(manifest, Runs(settings.threads, settings.token_budget))
    return model.standing_in_for(stand_in_for) if stand_in_for else model


class Library:
    """Every installed model, opened once, so that a cold start pays for it and no request does.

    Raises BadManifest, BadModel or CannotFetch.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runs = Runs(settings.threads, settings.token_budget)
        self._files = set(_files(settings))
        self._open(catalogue(settings), {})

    def renewed(self) -> "Library":
        """The library of the models that are installed now; this one if no file has changed.

        What was opened before is shared. A change that cannot be opened is tried once: raises
        BadManifest, BadModel or OSError, and then returns this library until the next change.
        """
        files = set(_files(self._settings))
        if files == self._files:
            return self
        self._files = files
        made = copy.copy(self)
        made._open(Catalogue.read(self._settings), self._opened)
        return made

    def _open(self, catalogue: Catalogue, opened: Mapping[str, Model]) -> None:
        self.catalogue = catalogue
        self._opened = {
            each.id: opened[each.id] if _is_open(each, opened) else Model(each, self._runs)
            for each in catalogue.installed
        }
        self._tasks: dict[str, Models] = {}

    @property
    def opened(self) -> list[Model]:
        return list(self._opened.values())

    def of(self, task: str) -> "Models":
        """Return the models of a task, by any of their names."""
        if task not in self._tasks:
            stand_ins = self._settings.stand_ins == "on"
            names = TaskNames(task, self.catalogue, stand_ins=stand_ins)
            self._tasks[task] = Models(names, self._opened)
        return self._tasks[task]


class Models:
    """The opened models of one task, by any of their names."""

    def __init__(self, names: TaskNames, opened: dict[str, Model]) -> None:
        self._names, self._opened = names, opened

    def __contains__(self, name: str) -> bool:
        """Tell whether the name belongs to this task. Its model need not be installed."""
        return name in self._names

    def __getitem__(self, name: str | None) -> Model:
        """Return the model of a name; for None the first one that is installed.

        Raises ModelNotInstalled or UnknownModel.
        """
        manifest, stand_in_for = self._names.choose(name)
        model = self._opened[manifest.id]
        return model.standing_in_for(stand_in_for) if stand_in_for else model


def catalogue(settings: Settings) -> Catalogue:
    """Return the catalogue. Fetch the model of TEXTFN_MODEL_BUCKET first, if it is nowhere else.

    Raises BadManifest or CannotFetch.
    """
    known = Catalogue.read(settings)
    here = {each.id for each in known.installed if each.folder.parent != FETCHED}
    if not settings.model_bucket or settings.model in here:
        return known
    fetch(settings.model_bucket, settings.model, FETCHED)
    return Catalogue.read(settings)


def _is_open(manifest: Manifest, opened: Mapping[str, Model]) -> bool:
    return manifest.id in opened and vars(opened[manifest.id].manifest) == vars(manifest)


def _files(settings: Settings) -> Iterator[tuple[Path, int, int]]:
    """The files of all models: path, time of the last change, size."""
    for folder in model_folders(settings):
        with suppress(FileNotFoundError):  # somebody removes the model at this moment
            for path in folder.iterdir():
                found = path.stat()
                yield path, found.st_mtime_ns, found.st_size
