"""The opened models, and the choice of the one that answers for a name."""

from shared.inference.batching import Runs
from shared.inference.bucket import fetch
from shared.inference.model import Model
from shared.manifest import FETCHED
from shared.names import Catalogue, TaskNames
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
        runs = Runs(settings.threads, settings.token_budget)
        self.catalogue = catalogue(settings)
        self._stand_ins = settings.stand_ins == "on"
        self._opened = {each.id: Model(each, runs) for each in self.catalogue.installed}
        self._tasks: dict[str, Models] = {}

    @property
    def opened(self) -> list[Model]:
        return list(self._opened.values())

    def of(self, task: str) -> "Models":
        """Return the models of a task, by any of their names."""
        if task not in self._tasks:
            names = TaskNames(task, self.catalogue, stand_ins=self._stand_ins)
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
