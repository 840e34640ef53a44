"""A model's manifest: what it is called, what it can do, which files it consists of."""

import functools
import hashlib
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from shared.errors import UnknownModel
from shared.manifest_checks import Pooling, Task, check_table
from shared.settings import settings

BUNDLED = Path(__file__).parent.parent / "models"
# Of the model that TEXTFN_MODEL_BUCKET has; the only folder that a function may write to is /tmp.
FETCHED = Path("/tmp/textfn-models")


class BadManifest(ValueError):
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
    tasks: tuple[Task, ...]
    description: str
    source: str
    revision: str
    licence: str
    max_tokens: int
    pooling: tuple[Pooling, ...]
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
    """Raises BadManifest: a file that is not TOML, or a field that is wrong, missing or unknown."""
    path = folder / "manifest.toml"
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        check_table(table, _TYPES, _NEEDED)
    except OSError as error:
        raise BadManifest(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise BadManifest(f"{path}: {error}") from None
    return Manifest(folder=folder, **{name: _value(table[name]) for name in table})


def check_names_are_unique(manifests: Iterable[Manifest]) -> None:
    """Raises BadManifest if two models share a name, in any spelling of it.

    Two manifests with the same id are one model: a catalogued one, and its files once pulled.
    """
    owners: dict[str, Manifest] = {}
    for manifest in manifests:
        for name in manifest.names:
            owner = owners.setdefault(key(name), manifest)
            if owner.id != manifest.id:
                here, there = (each.folder / "manifest.toml" for each in (manifest, owner))
                raise BadManifest(
                    f"{here}: {name} is the name of two models, {manifest.id} and {owner.id} "
                    f"({there}). Remove it from one of them."
                )


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


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


_FIELDS = [each for each in fields(Manifest) if each.name != "folder"]
_TYPES = {each.name: each.type for each in _FIELDS}
_NEEDED = [
    each.name for each in _FIELDS if each.default is MISSING and each.default_factory is MISSING
]
