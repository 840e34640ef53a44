"""Installs an ONNX encoder as the Hugging Face Hub has it."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from shared.errors import UnknownModel
from shared.inference.model import Model
from shared.inference.session import Graph
from shared.manifest import Manifest, read
from shared.names import Catalogue
from shared.settings import Settings
from textfn.checking.model import problems
from textfn.digests import file_sha256
from textfn.failure import Failure
from textfn.installing.onnx_folder import Asked, Found, found
from textfn.installing.recorded import references
from textfn.installing.staging import PULLED, WORK, alone, models_folder, move

# What a first run reads: an ordinary text, none, unless it has no tokens, and one that is longer
# than any model takes.
TRIALS = ["hello world", "", "hello world " * 20_000]
# A name of ours, or one of the Hub's or Cloudflare's: "@cf/baai/bge-m3".
PART = "[A-Za-z0-9][A-Za-z0-9._-]*"
NAME = re.compile(f"@?(?:{PART}/){{0,2}}{PART}")


class NotAdded(Failure):
    """The model is not installed."""


class Names(NamedTuple):
    """`known` is the manifest of the catalogue's model, if the name is one of its names."""

    id: str
    aliases: tuple[str, ...]
    known: Manifest | None


def install(folder: Path, asked: Asked, describe: Callable[[Manifest], str]) -> str:
    """Put the model of a folder together, try it and move it into place.

    Returns what `describe` says of it, which is asked before the model is in place. Raises
    NotAdded, CannotServe, Busy, NoSpace or OSError; nothing is left behind.
    """
    names = _names(asked.name or default_name(folder), asked.aliases)
    files = found(folder, asked)
    models = models_folder()
    work = models / WORK / f"{names.id}@added"
    with alone(work):
        try:
            return _install(files, names, work / "model", models, describe)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _install(
    files: Found, names: Names, staging: Path, models: Path, describe: Callable[[Manifest], str]
) -> str:
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    _copy(files, staging)
    fields = _fields(files, names, staging)
    manifest = _written(fields, staging)
    _refuse_another(manifest, names.known)
    _try(manifest)
    fields["references"] += references(manifest)
    manifest = _written(fields, staging)
    destination = models / f"{names.id}@{manifest.sha256['model.onnx'][:12]}"
    description = describe(replace(manifest, folder=destination))
    move(staging, destination)
    return description


def default_name(folder: Path) -> str:
    """Return the folder's name, or the repository's for a snapshot of the Hub's cache."""
    repository = folder.parent.parent.name
    if folder.parent.name == "snapshots" and repository.startswith("models--"):
        return repository.removeprefix("models--").replace("--", "/", 1)
    return folder.name


def _names(name: str, aliases: tuple[str, ...]) -> Names:
    """Make the last part of a name the id, and a name with a slash an alias.

    Raises NotAdded for a name that another model has.
    """
    for each in (name, *aliases):
        if not NAME.fullmatch(each):
            raise NotAdded(
                f"{each} is no name of letters, digits, dots and dashes, such as gte-small, "
                "BAAI/bge-m3 or @cf/baai/bge-m3: choose one with --name"
            )
    catalogue = Catalogue.read(Settings.read())
    known, id = _find(catalogue, name), name.rpartition("/")[2].removeprefix("@")
    if known and known.installed:
        raise NotAdded(f"{known.id} is installed: {known.folder}")
    own = [each for each in (name, *aliases) if each != id]
    for each in (id, *own):
        if (other := _find(catalogue, each)) and other is not known:
            raise NotAdded(
                f"{each} is a name of {other.id}: choose another with --name, and --alias for more"
            )
    if not known:
        return Names(id, tuple(dict.fromkeys(own)), None)
    new = [each for each in own if not _find(catalogue, each)]
    return Names(known.id, tuple(dict.fromkeys([*known.aliases, *new])), known)


def _find(catalogue: Catalogue, name: str) -> Manifest | None:
    try:
        return catalogue.find(name)
    except UnknownModel:
        return None


def _copy(files: Found, staging: Path) -> None:
    """Copy the files that are served, and write the digests of those that were read."""
    shutil.copyfile(files.graph, staging / "model.onnx")
    for path in files.data:
        shutil.copyfile(path, staging / path.name)
    (staging / "tokenizer.json").write_bytes(files.tokenizer_content)
    paths = (path for path in files.folder.rglob("*.json") if path.is_file())
    configuration = sorted(path for path in paths if path != files.tokenizer)
    read_files = [files.graph, *files.data, files.tokenizer, *configuration]
    lines = [f"{file_sha256(path)}  {path.relative_to(files.folder)}\n" for path in read_files]
    (staging / PULLED).write_text("".join(lines), "utf-8", "surrogateescape")


def _fields(files: Found, names: Names, staging: Path) -> dict[str, Any]:
    """Return a manifest's fields: from the files, and from the catalogue of a known model."""
    files.refuse_what_is_not_done_here()
    axes, labels, known, pooling = files.axes, files.labels, names.known, [files.pooling]
    sentences = files.sentences
    if known and axes == 3:
        pooling = list(known.pooling)  # done here, so any of them can be
    copied = sorted(path.name for path in staging.iterdir() if path.name != PULLED)
    digests = {name: file_sha256(staging / name) for name in copied}
    rows = _first_rows(staging / "model.onnx", files.output, pooling[0])
    return {
        "id": names.id,
        "aliases": list(names.aliases),
        "tasks": ["text-classification"] if labels else ["text-embeddings", "sentence-similarity"],
        "description": known.description if known else f"{names.id}, added from its ONNX graph",
        "source": known.source if known else default_name(files.folder),
        "revision": f"{files.graph.name} sha256:{digests['model.onnx']}",
        "licence": known.licence if known else files.licence,
        "architecture": files.architecture,
        "max_tokens": files.max_tokens,
        "pooling": pooling,
        "normalize": bool(not labels and _normalize(files, known, rows)),
        "dimensions": 0 if labels else rows.shape[-1],
        "labels": list(labels),
        **files.size,
        "output": files.output,
        "optimize": True,
        "pad_token_id": files.pad_token_id or 0,
        "function": files.function if labels else "softmax",
        "prompts": {} if labels else sentences.prompts,
        "default_prompt": "" if labels else sentences.default_prompt,
        "references": [dict(each) for each in known.references] if known else [],
        "sha256": digests,
    }


def _first_rows(path: Path, output: str, pooling: str) -> Any:
    """Return what the graph gives for texts of one to three tokens: float [3, width]."""
    try:
        graph = Graph(path, output, optimize=True)
        return np.concatenate([graph.run([ids], pooling) for ids in ([0], [0, 0], [0, 0, 0])])
    except Exception as error:  # onnxruntime's own errors have no narrower class
        raise NotAdded(_first_line(error)) from None


def _normalize(files: Found, known: Manifest | None, rows: Any) -> bool:
    """Tell whether vectors get unit length. Rows that have it already need no question."""
    said = files.normalize
    if known:
        if said is not None and said != known.normalize and files.asked.normalize is not None:
            raise NotAdded(f"{known.id} has normalize {known.normalize} in the catalogue")
        return known.normalize
    if said is not None:
        return said
    if np.allclose(np.linalg.norm(rows.astype(np.float32), axis=-1), 1, atol=1e-3):
        return True
    raise NotAdded(
        "modules.json is not there, and no other file says whether its vectors have unit length: "
        "say --normalize or --no-normalize, as the original model has it"
    )


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
        texts = [text for text in TRIALS if model.count(text)]
        if manifest.labels:
            model.classify(texts)
        else:
            model.embed(texts, normalize=True)
    except Exception as error:  # our BadNumbers, or an error of onnxruntime's
        raise NotAdded(f"a first run failed: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _written(fields: dict[str, Any], folder: Path) -> Manifest:
    lines = [f"{name} = {_toml(value)}\n" for name, value in fields.items()]
    try:
        (folder / "manifest.toml").write_text("".join(lines), "utf-8")
    except UnicodeEncodeError as error:
        raise NotAdded(f"a name in its files is not Unicode: {error.reason}") from None
    return read(folder)


def _toml(value: Any) -> str:
    """Return a value of TOML, which is JSON but for objects, and the control character DEL."""
    if isinstance(value, dict):
        inside = ", ".join(f"{_toml(name)} = {_toml(each)}" for name, each in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
