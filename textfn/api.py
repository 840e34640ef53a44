"""Open a model by its name, give texts, get arrays: the Python interface (docs/python.md)."""

import functools
import os
from collections.abc import Iterable, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from shared.errors import ModelNotInstalled, UnknownModel
from shared.inference.batching import Runs
from shared.inference.library import catalogue
from shared.inference.model import Model
from shared.settings import Settings


class Label(TypedDict):
    """A label of a text and its probability."""

    label: str
    score: float


class TextModel:
    """An installed model, open. Threads may share it.

    A pickle holds the name alone: each worker process that loads it opens the model once. A process
    that was forked from one with an open model opens its own.
    """

    def __init__(self, name: str) -> None:
        self.name = opened(name).manifest.id

    def embed(
        self, texts: Iterable[str], *, normalize: bool | None = None, pooling: str = ""
    ) -> NDArray[np.float32]:
        """Return the vectors of texts, float32 [texts, dimensions].

        A text over the model's limit of tokens is cut at its end. A text's vector has the same bits
        alone and in any list.

        `normalize` brings the vectors to unit length, so that a dot product is a cosine; `pooling`
        is "mean", "cls" or "last". The manifest of the model decides what is not given.

        Raises TypeError for anything but strings, ValueError for a model that has no vectors or not
        this pooling.
        """
        model = self._model_for("text-embeddings")
        known = model.manifest.pooling
        if pooling and pooling not in known:
            raise ValueError(
                f"pooling is {pooling!r}; {self.name} has {' and '.join(map(repr, known))}."
            )
        return model.embed(strings(texts), pooling=pooling, normalize=normalize).values

    def similarity(self, source: str, sentences: Iterable[str]) -> NDArray[np.float32]:
        """Return the cosine of the source with each sentence, float32 [sentences], from -1 to 1.

        Raises TypeError for anything but strings, ValueError for a model that has no similarities.
        """
        model = self._model_for("sentence-similarity")
        if not isinstance(source, str):
            raise TypeError(f"source is {_type(source)}; give one string.")
        return model.similarity(source, strings(sentences, "sentences")).values

    def classify(self, texts: Iterable[str]) -> list[list[Label]]:
        """Return all labels of each text, the best one first.

        The scores of a text add up to 1, unless the labels of an added model do not exclude each
        other.

        Raises TypeError for anything but strings, ValueError for a model that has no labels.
        """
        model = self._model_for("text-classification")
        scores = model.classify(strings(texts)).values
        return [ranked(model.manifest.labels, each) for each in scores]

    def _model_for(self, task: str) -> Model:
        model = opened(self.name)
        if task not in model.manifest.tasks:
            tasks = " and ".join(model.manifest.tasks)
            raise ValueError(
                f"{self.name} is a model for {tasks}, not for {task}: "
                "`textfn models list` shows the tasks of each model."
            )
        return model

    def __repr__(self) -> str:
        return f"textfn.open({self.name!r})"

    def __reduce__(self) -> tuple[type["TextModel"], tuple[str]]:
        return TextModel, (self.name,)


def opened(name: str) -> Model:
    """Return the model of a name, opened once per process.

    Raises UnknownModel or ModelNotInstalled.
    """
    return _opened(name, os.getpid())


@functools.cache
def _opened(name: str, process: int) -> Model:
    """The threads of an open model do not survive a fork, hence `process`."""
    settings = Settings.read()
    try:
        manifest = catalogue(settings).find(name)
    except UnknownModel as error:
        error.add_note(error.hint)
        raise
    if not manifest.installed:
        raise ModelNotInstalled(name, f"textfn models pull {manifest.id}")
    if name != manifest.id:
        return _opened(manifest.id, process)  # one open model for all of its names
    return Model(manifest, Runs(settings.threads, settings.token_budget))


def ranked(labels: Sequence[str], scores: NDArray[np.float32]) -> list[Label]:
    """Return the labels of one text with its scores [labels], the best one first."""
    return [
        {"label": labels[index], "score": float(scores[index])}
        for index in np.argsort(-scores, kind="stable")
    ]


def strings(texts: Iterable[str], name: str = "texts") -> list[str]:
    """Return the texts as a list. Raises TypeError, which names the argument and the position."""
    if isinstance(texts, str):
        raise TypeError(f"{name} is one string; give a list of strings: [text].")
    if not isinstance(texts, Iterable):
        raise TypeError(f"{name} is {_type(texts)}; give a list of strings.")
    listed = list(texts)
    for index, text in enumerate(listed):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{index}] is {_type(text)}; give strings only.")
    return listed


def _type(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"
