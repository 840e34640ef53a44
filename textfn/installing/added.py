"""Installs an ONNX encoder as the Hugging Face Hub has it."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from shared.errors import UnknownModel
from shared.inference.model import Model
from shared.inference.session import Graph
from shared.manifest import Manifest, read
from shared.names import Catalogue
from shared.settings import Settings
from textfn.checking.model import problems
from textfn.digests import file_sha256
from textfn.failure import Failure
from textfn.installing.onnx_folder import Found, found
from textfn.installing.staging import PULLED, WORK, alone, models_folder, move

# What a first run reads: an ordinary text, none, and one that is longer than any model takes.
TRIALS = ["hello world", "", "hello world " * 20_000]


class NotAdded(Failure):
    """The model is not installed."""


def install(folder: Path, name: str, graph: str = "", pooling: str = "") -> Manifest:
    """Put the model of a folder together, try it and move it into place.

    `name` is any name of a catalogued model, or a new one. Raises NotAdded, CannotServe, Busy,
    NoSpace or OSError; nothing is left behind.
    """
    name, known = _named(name)
    files = found(folder, graph, pooling)
    models = models_folder()
    work = models / WORK / f"{name}@added"
    with alone(work):
        try:
            return _install(files, name, known, work / "model", models)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _install(
    files: Found, name: str, known: Manifest | None, staging: Path, models: Path
) -> Manifest:
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    _copy(files, staging)
    _write(_fields(files, name, known, staging), staging)
    manifest = read(staging)
    _refuse_another(manifest, known)
    _try(manifest)
    digest = file_sha256(staging / "model.onnx")
    return read(move(staging, models / f"{name}@{digest[:12]}"))


def _named(name: str) -> tuple[str, Manifest | None]:
    """Return the id, and the catalogue's manifest where it is one of the catalogue's names."""
    try:
        known = Catalogue.read(Settings.read()).find(name)
    except UnknownModel:
        if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise NotAdded(
                f"{name} is no name of letters, digits, dots and dashes; choose one with --name"
            ) from None
        return name, None
    if known.installed:
        raise NotAdded(f"{known.id} is installed: {known.folder}")
    return known.id, known


def _copy(files: Found, staging: Path) -> None:
    """Copy the files that are served, and write the digests of those that were read."""
    tokenizer = files.folder / "tokenizer.json"
    shutil.copyfile(files.graph, staging / "model.onnx")
    for path in (*files.data, tokenizer):
        shutil.copyfile(path, staging / path.name)
    paths = (path for path in files.folder.rglob("*.json") if path.is_file())
    configuration = sorted(path for path in paths if path != tokenizer)
    read_files = [files.graph, *files.data, tokenizer, *configuration]
    lines = [f"{file_sha256(path)}  {path.relative_to(files.folder)}\n" for path in read_files]
    (staging / PULLED).write_text("".join(lines), "utf-8", "surrogateescape")


def _fields(files: Found, name: str, known: Manifest | None, staging: Path) -> dict[str, Any]:
    """Return a manifest's fields: from the files, and from the catalogue of a known model."""
    files.refuse_what_is_not_done_here()
    axes, labels, normalize, pooling = files.axes, files.labels, files.normalize, [files.pooling]
    if known and axes == 3:
        pooling = list(known.pooling)  # done here, so any of them can be
    names = sorted(path.name for path in staging.iterdir() if path.name != PULLED)
    digests = {name: file_sha256(staging / name) for name in names}
    width = _width(staging / "model.onnx", files.output, pooling[0])
    return {
        "id": name,
        "aliases": list(known.aliases) if known else [],
        "tasks": ["text-classification"] if labels else ["text-embeddings", "sentence-similarity"],
        "description": known.description if known else f"{name}, added from its ONNX graph",
        "source": known.source if known else files.folder.name,
        "revision": f"{files.graph.name} sha256:{digests['model.onnx']}",
        "licence": known.licence if known else files.licence,
        "architecture": files.architecture,
        "max_tokens": files.max_tokens,
        "pooling": pooling,
        "normalize": known.normalize if known else normalize,
        "dimensions": 0 if labels else width,
        "labels": list(labels),
        **files.size,
        "output": files.output,
        "optimize": True,
        "references": [dict(each) for each in known.references] if known else [],
        "sha256": digests,
    }


def _width(path: Path, output: str, pooling: str) -> int:
    """Return how many numbers the graph gives per text."""
    try:
        graph = Graph(path, output, optimize=True)
        return int(graph.run([[0, 0]], pooling).shape[-1])
    except Exception as error:  # onnxruntime's own errors have no narrower class
        raise NotAdded(_first_line(error)) from None


def _refuse_another(manifest: Manifest, known: Manifest | None) -> None:
    """Refuse a model that differs from the one that the catalogue has under its name."""
    for field in ("tasks", "labels", "dimensions", "pooling") if known else ():
        here, there = getattr(manifest, field), getattr(known, field)
        if here != there:
            raise NotAdded(f"{manifest.id} has {field} {there} in the catalogue, this model {here}")


def _try(manifest: Manifest) -> None:
    """Check what `textfn models verify` checks, and run texts of which none may fail."""
    if wrong := problems(manifest):
        raise NotAdded("; ".join(wrong))
    try:
        model = Model(manifest)
        if manifest.labels:
            model.classify(TRIALS)
        else:
            model.embed(TRIALS, normalize=True)
    except Exception as error:  # our BadNumbers, or an error of onnxruntime's
        raise NotAdded(f"a first run failed: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _write(fields: dict[str, Any], folder: Path) -> None:
    lines = [f"{name} = {_toml(value)}\n" for name, value in fields.items()]
    try:
        (folder / "manifest.toml").write_text("".join(lines), "utf-8")
    except UnicodeEncodeError as error:
        raise NotAdded(f"a name in its files is not Unicode: {error.reason}") from None


def _toml(value: Any) -> str:
    """Return a value of TOML, which is JSON but for objects."""
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(name)} = {_toml(each)}" for name, each in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
