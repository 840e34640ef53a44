"""A model's manifest: what it is called, what it can do, which files it consists of."""

import hashlib
import tomllib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from shared.errors import Failure
from shared.manifest_checks import Pooling, Task, check_table

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

    def kernel_graph(self, pooling: str) -> Path | None:
        """model.kernels.onnx and the like: the same model for our own kernels, if it has one."""
        path = self.graph(pooling).with_suffix(".kernels.onnx")
        return path if path.name in self.sha256 else None

    def fingerprint(self, pooling: str, *, standard: bool = False) -> str:
        """12 hex digits that change with the weights, their quantization, tokenizer or pooling.

        `standard` says that the standard graph answers for a model that has a graph for our own
        kernels: its vectors have other bits.
        """
        parts = [*sorted(self.sha256.values()), str(self.max_tokens), pooling]
        if standard and self.kernel_graph(pooling):
            parts.append("standard graph")
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


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


_FIELDS = [each for each in fields(Manifest) if each.name != "folder"]
_TYPES = {each.name: each.type for each in _FIELDS}
_NEEDED = [
    each.name for each in _FIELDS if each.default is MISSING and each.default_factory is MISSING
]
