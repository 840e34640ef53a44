"""The tables of the documents: the settings, the models, and their names."""

from collections.abc import Iterable, Sequence
from dataclasses import MISSING, Field, fields

from shared.manifest import Manifest
from shared.names import Catalogue, standing_in
from shared.settings import PREFIX, Settings

TASKS = {
    "text-embeddings": "embeddings ({:,})",
    "sentence-similarity": "similarity",
    "text-classification": "classification",
}


def settings() -> list[str]:
    """Return a row per environment variable: its default and its help."""
    rows = [
        (f"`{PREFIX}{each.name.upper()}`", _default(each), each.metadata["help"])
        for each in fields(Settings)
    ]
    return _table(("variable", "default", "what it is"), rows)


def models(catalogue: Catalogue) -> list[str]:
    """Return a row per model: its tasks, the way to get it and its licence."""
    rows = [
        (each.id, _tasks(each), _availability(each, catalogue), each.licence)
        for each in _small_first(catalogue)
    ]
    return _table(("model", "tasks", "here", "licence"), rows)


def names(catalogue: Catalogue) -> list[str]:
    """Return a row per model: its other names, its limit of tokens and its poolings."""
    rows = [
        (each.id, _code(each.aliases), f"{each.max_tokens}", ", ".join(each.pooling))
        for each in _small_first(catalogue)
    ]
    return _table(("model", "other names", "tokens", "pooling"), rows)


def _small_first(catalogue: Catalogue) -> list[Manifest]:
    """Sort the bundled models first, then by their work per token."""

    def order(each: Manifest) -> tuple[bool, int, str]:
        return not each.sha256, each.layers * each.width**2, each.id

    return sorted(catalogue, key=order)


def _tasks(manifest: Manifest) -> str:
    return ", ".join(TASKS[task].format(manifest.dimensions) for task in manifest.tasks)


def _availability(manifest: Manifest, catalogue: Catalogue) -> str:
    """Say "bundled" with the size, or "pulled" with the bundled model that stands in till then."""
    if manifest.sha256:
        size = sum((manifest.folder / name).stat().st_size for name in manifest.sha256)
        return f"bundled, {size / 1e6:.0f} MB"
    bundled = [each for each in catalogue if each.sha256]
    choice = standing_in(manifest.names, bundled)
    if choice is None:
        return "pulled"
    scores = " for scores" if "text-embeddings" in manifest.tasks else ""
    return f"pulled; {choice.manifest.id} stands in{scores}"


def _default(setting: Field[object]) -> str:
    """Return the default as a person sets it. A computed one has the text `shown` instead."""
    if setting.default is MISSING:
        return str(setting.metadata["shown"])
    value = setting.default
    return (_code([value]) if isinstance(value, str) else f"{value}") if value else ""


def _code(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_row(heading), "|" + "---|" * len(heading), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in cells)}|"
