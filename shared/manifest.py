"""A model's manifest: what it is called, what it can do, which files it consists of."""

import functools
import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast, get_origin
from urllib.parse import unquote

from shared.errors import Failure, UnknownModel
from shared.settings import settings

BUNDLED = Path(__file__).parent.parent / "models"
# Of the model that TEXTFN_MODEL_BUCKET has; the only folder that a function may write to is /tmp.
FETCHED = Path("/tmp/textfn-models")


class BadManifest(Failure):
    """A manifest.toml that cannot be used; the message names the file and the fault."""


@dataclass(frozen=True, eq=False)
class Manifest:
    """One models/<name>/manifest.toml, field by field.

    `tasks` of text-embeddings, sentence-similarity, text-classification; `pooling` the kinds a
    request may ask for, the default first; `references` published numbers with a tolerance.
    `architecture` is the checkpoint's model_type, `checkpoint_sha256` what is known of its files.
    `layers` and `width` of its encoder say how much work a token is.
    Of a graph that was not written here, `output` names the output that is read, and `optimize`
    lets onnxruntime optimize it.
    """

    folder: Path
    id: str
    tasks: tuple[str, ...]
    description: str
    source: str
    revision: str
    licence: str
    max_tokens: int
    pooling: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    normalize: bool = False
    dimensions: int = 0
    labels: tuple[str, ...] = ()
    stands_in_for: tuple[str, ...] = ()
    architecture: str = ""
    layers: int = 0
    width: int = 0
    output: str = ""
    optimize: bool = False
    sha256: dict[str, str] = field(default_factory=dict)
    checkpoint_sha256: dict[str, str] = field(default_factory=dict)
    references: tuple[dict[str, Any], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return self.id, *self.aliases

    @property
    def installed(self) -> bool:
        """Whether the files are here; a catalogued model may be a manifest alone."""
        return bool(self.sha256) and all((self.folder / name).exists() for name in self.sha256)

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer.json"

    def graph(self, pooling: str) -> Path:
        """model.onnx, or model-cls.onnx and the like for a pooling that is not the default.

        A graph that was not written here is pooled outside of it.
        """
        default = pooling == self.pooling[0] or self.output
        return self.folder / ("model.onnx" if default else f"model-{pooling}.onnx")

    def fingerprint(self, pooling: str) -> str:
        """12 hex digits that change with the weights, their quantization, tokenizer or pooling."""
        parts = [*sorted(self.sha256.values()), str(self.max_tokens), pooling]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def read(folder: Path) -> Manifest:
    """Raises BadManifest: not TOML, or a field that is missing, unknown or of another type."""
    path = folder / "manifest.toml"
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        return Manifest(folder=folder, **{name: _value(name, table[name]) for name in table})
    except (ValueError, TypeError, KeyError) as error:
        raise BadManifest(f"{path}: {error}") from None


@functools.cache
def catalogue() -> list[Manifest]:
    """One manifest an id, installed or not: of models/, TEXTFN_MODELS_DIR and the bucket.

    Of two folders with the same id the installed one is served, or else the first.
    """
    served: dict[str, Manifest] = {}
    for path in _manifests():
        each = read(path.parent)
        if each.id not in served or each.installed > served[each.id].installed:
            served[each.id] = each
    return list(served.values())


def _manifests() -> Iterator[Path]:
    for folder in filter(None, (BUNDLED, settings.models_dir)):
        yield from sorted(folder.glob("*/manifest.toml"))
    if settings.model_bucket:
        yield from FETCHED.glob(f"{settings.model}/manifest.toml")


def served() -> list[Manifest]:
    """The models that are here, or in the other functions of a deployment."""
    return [each for each in catalogue() if each.installed or each.id in settings.served]


def key(name: str) -> str:
    """One spelling for all that clients send.

    "@cf%2Fbaai%2Fbge-base-en-v1.5", "workers-ai/@cf/baai/...", "cf/baai/..." and any case of them.
    """
    name = unquote(unquote(name)).strip("/").lower()
    return name.removeprefix("workers-ai/").removeprefix("@")


def find(name: str) -> Manifest:
    """The manifest of any spelling of a name. Raises UnknownModel."""
    named = {key(each): manifest for manifest in catalogue() for each in manifest.names}
    if key(name) not in named:
        raise UnknownModel(name, close(name), [each.id for each in catalogue() if each.installed])
    return named[key(name)]


def close(name: str) -> list[str]:
    """Names of the catalogue that look like this one."""
    from difflib import get_close_matches  # only a wrong name pays for the import

    names = {key(each): each for manifest in catalogue() for each in manifest.names}
    return [names[each] for each in get_close_matches(key(name), names, n=2)]


_TOML = {str: "a string", int: "an integer", bool: "a boolean", tuple: "an array", dict: "a table"}
_TYPES = {each.name: cast(type, each.type) for each in fields(Manifest)}


def _value(name: str, value: Any) -> Any:
    if name not in _TYPES:
        raise TypeError(f"{name} is not a field of a manifest")
    kind = get_origin(_TYPES[name]) or _TYPES[name]
    value = tuple(value) if isinstance(value, list) else value
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {_TOML[kind]}")
    return value
