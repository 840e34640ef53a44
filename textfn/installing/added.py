"""Installs an ONNX encoder as the Hugging Face Hub has it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import UnknownModel
from shared.inference.model import Model
from shared.inference.session import Graph
from shared.manifest import Manifest, read
from shared.names import Catalogue
from shared.settings import Settings
from textfn.checking.model import problems
from textfn.digests import file_sha256
from textfn.installing.staging import PULLED, WORK, alone, models_folder, move

if TYPE_CHECKING:
    from textfn.installing.onnx_folder import Found

# What a first run reads: an ordinary text, none, and one that is longer than any model takes.
TRIALS = ["hello world", "", "hello world " * 20_000]


class NotAdded(Exception):
    """The model is not installed; the message is for the person who asked for it."""


def named(name: str) -> tuple[str, Manifest | None]:
    """The id, and the catalogue's manifest where it is one of the catalogue's names."""
    try:
        known = Catalogue.read(Settings.read()).find(name)
    except UnknownModel:
        if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise NotAdded(f"{name} is no name of letters, digits, dots and dashes") from None
        return name, None
    if known.installed:
        raise NotAdded(f"{known.id} is installed: {known.folder}")
    return known.id, known


def install(found: Found, name: str, known: Manifest | None) -> Manifest:
    """Puts the model together, tries it, and moves it into place."""
    models = models_folder()
    work = models / WORK / f"{name}@added"
    work.mkdir(parents=True, exist_ok=True)
    with alone(work):
        try:
            staging = work / "model"
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir()
            _copy(found, staging)
            _write(_fields(found, name, known, staging), staging)
            manifest = read(staging)
            _refuse_another(manifest, known)
            _try(manifest)
            digest = file_sha256(staging / "model.onnx")
            return read(move(staging, models / f"{name}@{digest[:12]}"))
        except BaseException:
            shutil.rmtree(work)
            raise


def _copy(found: Found, staging: Path) -> None:
    """The files that are served, and the digests of those that were read."""
    tokenizer = found.folder / "tokenizer.json"
    shutil.copyfile(found.graph, staging / "model.onnx")
    for path in (*found.data, tokenizer):
        shutil.copyfile(path, staging / path.name)
    configuration = sorted(path for path in found.folder.rglob("*.json") if path != tokenizer)
    read_files = [found.graph, *found.data, tokenizer, *configuration]
    lines = [f"{file_sha256(path)}  {path.relative_to(found.folder)}\n" for path in read_files]
    (staging / PULLED).write_text("".join(lines), "utf-8")


def _fields(found: Found, name: str, known: Manifest | None, staging: Path) -> dict[str, Any]:
    """A manifest's fields: what the files say, and the catalogue of a model that it knows."""
    found.refuse_what_is_not_done_here()
    axes, labels, normalize, pooling = found.axes, found.labels, found.normalize, [found.pooling]
    if known and axes == 3:
        pooling = list(known.pooling)  # done here, so any of them can be
    files = sorted(path.name for path in staging.iterdir() if path.name != PULLED)
    digests = {name: file_sha256(staging / name) for name in files}
    width = _width(staging / "model.onnx", found.output, pooling[0])
    return {
        "id": name,
        "aliases": list(known.aliases) if known else [],
        "tasks": ["text-classification"] if labels else ["text-embeddings", "sentence-similarity"],
        "description": known.description if known else f"{name}, added from its ONNX graph",
        "source": known.source if known else found.folder.name,
        "revision": f"{found.graph.name} sha256:{digests['model.onnx']}",
        "licence": known.licence if known else found.licence,
        "architecture": str(found.config.get("model_type", "")),
        "max_tokens": found.max_tokens,
        "pooling": pooling,
        "normalize": known.normalize if known else normalize,
        "dimensions": 0 if labels else width,
        "labels": list(labels),
        **found.size,
        "output": found.output,
        "optimize": True,
        "references": [dict(each) for each in known.references] if known else [],
        "sha256": digests,
    }


def _width(path: Path, output: str, pooling: str) -> int:
    """How many numbers the graph gives a text."""
    try:
        graph = Graph(path, output, optimize=True)
        return int(graph.run([[0, 0]], pooling).shape[-1])
    except Exception as error:  # onnxruntime's own errors have no narrower class
        raise NotAdded(str(error).splitlines()[0]) from None


def _refuse_another(manifest: Manifest, known: Manifest | None) -> None:
    """A model under a name of the catalogue that is not that of the catalogue."""
    for field in ("tasks", "labels", "dimensions", "pooling") if known else ():
        here, there = getattr(manifest, field), getattr(known, field)
        if here != there:
            raise NotAdded(f"{manifest.id} has {field} {there} in the catalogue, this model {here}")


def _try(manifest: Manifest) -> None:
    """What `textfn models verify` checks, and texts of which none may fail."""
    if wrong := problems(manifest):
        raise NotAdded("; ".join(wrong))
    model = Model(manifest)
    try:
        if manifest.labels:
            model.classify(TRIALS)
        else:
            model.embed(TRIALS, normalize=True)
    except Exception as error:  # our ArithmeticError, or an error of onnxruntime's
        raise NotAdded(f"a first run failed: {str(error).splitlines()[0]}") from None


def _write(fields: dict[str, Any], folder: Path) -> None:
    lines = [f"{name} = {_toml(value)}\n" for name, value in fields.items()]
    (folder / "manifest.toml").write_text("".join(lines), "utf-8")


def _toml(value: Any) -> str:
    """A value of TOML, which JSON is but for its objects."""
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(name)} = {_toml(each)}" for name, each in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
