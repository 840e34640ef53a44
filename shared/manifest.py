"""A model's manifest: its names, its tasks, its limits and its files."""

import hashlib
import tomllib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from shared.errors import Failure
from shared.manifest_checks import Function, Pooling, Task, check_table

BUNDLED = Path(__file__).parent.parent / "models"
# For the model of TEXTFN_MODEL_BUCKET. A Lambda function may write to /tmp only.
FETCHED = Path("/tmp/textfn-models")


class BadManifest(Failure):
    """A manifest.toml that cannot be used; the message names the file and the fault."""


@dataclass(frozen=True, eq=False)
class Manifest:
    """The fields of one models/<name>/manifest.toml.

    `max_tokens` is the limit of a text, special tokens included. `pooling` lists the poolings that
    a request may ask for, the model's own first. `references` are known numbers with a tolerance.
    `architecture` is the checkpoint's model_type, `checkpoint_sha256` has the sha256 of its files,
    and `mirrors` says where else they are if the Hub cannot be reached. `layers` and `width` (the
    hidden size) of the encoder tell the work per token.
    `function` turns logits into scores, unless a request names another one. `prompts` are texts by
    name that a request can have put before its own; `default_prompt` is the name for the others.
    Three fields belong to a graph that textfn did not build: `output` names the output that is
    read, `optimize` lets onnxruntime optimize the graph, `pad_token_id` pads the shorter texts.
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
    pad_token_id: int = 0
    function: Function = "softmax"
    prompts: dict[str, str] = field(default_factory=dict)
    default_prompt: str = ""
    sha256: dict[str, str] = field(default_factory=dict)
    checkpoint_sha256: dict[str, str] = field(default_factory=dict)
    mirrors: tuple[dict[str, Any], ...] = ()
    references: tuple[dict[str, Any], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return self.id, *self.aliases

    @property
    def installed(self) -> bool:
        """True if the model's files are here. A catalogued model may have only its manifest."""
        return bool(self.sha256) and all((self.folder / name).exists() for name in self.sha256)

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer.json"

    def graph(self, pooling: str) -> Path:
        """Return the file of a pooling's graph.

        model.onnx has the only pooling, or mean pooling beside model-cls.onnx. The order of
        `pooling` does not matter: folders that were pulled by earlier versions have another order.
        A graph that textfn did not build serves all poolings: its output is pooled outside of it.
        """
        alone = len(self.pooling) == 1 or self.output
        return self.folder / (
            "model.onnx" if alone or pooling == "mean" else f"model-{pooling}.onnx"
        )

    def fingerprint(self, pooling: str) -> str:
        """Return 12 hex digits that change with the weights, quantization, tokenizer or pooling."""
        parts = [*sorted(self.sha256.values()), str(self.max_tokens), pooling]
        changes = ("output", "pad_token_id", "default_prompt")
        parts += [f"{name}={getattr(self, name)}" for name in changes if getattr(self, name)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def read(folder: Path) -> Manifest:
    """Read the manifest.toml of a folder.

    Raises BadManifest for a file that is not TOML, or a field that is wrong, missing or unknown.
    """
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
