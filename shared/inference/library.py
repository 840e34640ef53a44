"""Any name of a model -> the model, opened once."""

import functools

from shared.errors import ModelNotInstalled, UnknownModel
from shared.inference.bucket import fetch
from shared.inference.model import Model
from shared.manifest import FETCHED, Manifest, catalogue, close, key
from shared.settings import settings

# Features of another model in an index are corrupt data; a score is a score.
SCORES = {"sentence-similarity", "text-classification"}


class Library:
    """The models of one task. The installed ones are opened at once: a cold start pays, no request.

    Raises BadManifest, BadModel or CannotFetch.
    """

    def __init__(self, task: str) -> None:
        serving = [each for each in _catalogue() if task in each.tasks]
        self._first = next((each.id for each in serving if each.installed), "")
        self._models = {
            key(name): _open(each) for each in serving if each.installed for name in each.names
        }
        self._catalogued = {key(name): each for each in serving for name in each.names}
        if settings.stand_ins == "on" and task in SCORES:
            self._models = self._stand_ins() | self._models

    def __contains__(self, name: str) -> bool:
        """Whether the name belongs to this task, be its model installed or not."""
        return key(name) in self._models or key(name) in self._catalogued

    def __getitem__(self, name: str) -> Model:
        """Raises ModelNotInstalled or UnknownModel."""
        if key(name) in self._models:
            return self._models[key(name)]
        if key(name) in self._catalogued:
            raise ModelNotInstalled(name, f"textfn models pull {self._catalogued[key(name)].id}")
        raise UnknownModel(name, close(name), sorted(self._served()))

    def chosen(self, name: str | None) -> Model:
        """The named model, or where none is named the first that is installed.

        Raises ModelNotInstalled or UnknownModel.
        """
        return self[name or self._first]

    def opened(self) -> list[Model]:
        """The models of the task that are installed, each once."""
        return list({each.manifest.id: each for each in self._models.values()}.values())

    def _stand_ins(self) -> dict[str, Model]:
        """Every name of a model that an installed one scores in place of."""
        stand_ins = {}
        for model in list(self._models.values()):
            for name in model.manifest.stands_in_for:
                catalogued = self._catalogued.get(key(name))
                for alias in catalogued.names if catalogued else [name]:
                    stand_ins[key(alias)] = model.standing_in_for(name)
        return stand_ins

    def _served(self) -> set[str]:
        return {model.manifest.id for model in self.opened()}


@functools.cache
def _catalogue() -> list[Manifest]:
    """The catalogue, once the model of TEXTFN_MODEL_BUCKET is here if it is nowhere else."""
    here = [each.id for each in catalogue() if each.installed and each.folder.parent != FETCHED]
    if settings.model_bucket and settings.model not in here:
        fetch(settings.model_bucket, settings.model, FETCHED)
        catalogue.cache_clear()
    return catalogue()


_open = functools.cache(Model)
