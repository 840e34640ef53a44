"""Reads what the files of an ONNX encoder say of it, in a folder as the Hugging Face Hub has it."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import onnx
from onnx import external_data_helper

from shared.inference.batching import MULTIPLE
from textfn.failure import Failure, in_words

GRAPHS = ("model.onnx", "onnx/model.onnx")
# Names of outputs, best first; each has a row per text or a row per token.
OUTPUTS = ("logits", "sentence_embedding", "last_hidden_state", "token_embeddings", "pooler_output")
WHOLE = "sentence_embedding"  # the exporters' name for what all modules give together
MODULES = ("Transformer", "Pooling", "Normalize")
# Their position tables begin with the padding's id and those before it (transformers'
# create_position_ids_from_input_ids), so their first token is not at position 0.
OFFSET = {"camembert", "mpnet", "roberta", "xlm-roberta"}


T = TypeVar("T")


class CannotServe(Failure):
    """A model that would be served wrongly, or not at all."""


@dataclass(frozen=True)
class Found:
    """A folder with a graph, tokenizer.json and config.json.

    `asked` is the pooling where no file of the folder says it. Every property raises CannotServe
    where the files say something that is not served here, or hold values of a wrong type.
    """

    folder: Path
    graph: Path
    asked: str = ""

    @cached_property
    def model(self) -> onnx.ModelProto:
        """The graph, without its data files."""
        try:
            return onnx.load(self.graph, load_external_data=False)
        except Exception as error:  # protobuf's DecodeError, which has two homes
            raise CannotServe(f"{self.graph} is no ONNX model: {error}") from None

    @cached_property
    def config(self) -> dict[str, Any]:
        return self._object("config.json", needed=True)

    @cached_property
    def architecture(self) -> str:
        """The checkpoint's model_type; empty where config.json has none."""
        return str(self._field("config.json", "model_type", str, ""))

    @cached_property
    def output(self) -> str:
        """The output to be read; `axes` is 3 where it has a row per token, 2 where one per text."""
        there = [each.name for each in self.model.graph.output]
        known = [name for name in OUTPUTS if name in there] or there[: len(there) == 1]
        if not known:
            raise CannotServe(f"none of its outputs is known: {', '.join(there)}")
        return known[0]

    @cached_property
    def axes(self) -> int:
        output = next(each for each in self.model.graph.output if each.name == self.output)
        axes = len(output.type.tensor_type.shape.dim)
        if axes not in ((2,) if self.output == "logits" else (2, 3)):
            raise CannotServe(f"its output {self.output} has {axes} axes, no row per text or token")
        return axes

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the logits; none where the model gives vectors."""
        if self.output != "logits":
            return ()
        named = self._field("config.json", "id2label", dict, {})
        if self.config.get("problem_type") == "multi_label_classification" or len(named) == 1:
            raise CannotServe("its labels do not exclude each other: no softmax over them is right")
        if not named:
            raise CannotServe("config.json has no id2label: which label is which is not known")
        if not all(re.fullmatch("[0-9]{1,9}", each) for each in named):
            raise CannotServe("config.json: id2label has names that are no numbers")
        if not all(isinstance(each, str) for each in named.values()):
            raise CannotServe("config.json: id2label has labels that are no strings")
        return tuple(named[number] for number in sorted(named, key=int))

    @property
    def pooling(self) -> str:
        """How rows per token become a row per text: here, or inside the graph."""
        if self.labels:
            return "cls"  # as heads are trained; no request sees it
        modes = self._modes()
        if not modes and self.output == "pooler_output":
            return "cls"  # BERT's pooler reads the first row
        if not modes and not self.asked:
            raise CannotServe("1_Pooling/config.json is not there: say --pooling mean or cls")
        if modes and modes not in (["mean"], ["cls"]):
            raise CannotServe(f"pooling by {' and '.join(modes)} is not served, only mean or cls")
        return modes[0] if modes else self.asked

    def _modes(self) -> list[str]:
        """The kinds of pooling that 1_Pooling/config.json turns on, in its old and new form."""
        said = self._object("1_Pooling/config.json")
        if "pooling_mode" in said:
            new = said["pooling_mode"]
            return [str(each) for each in (new if isinstance(new, list) else [new])]
        old = re.compile("pooling_mode_(.*?)(_tokens?)?")
        names = {name: old.fullmatch(name) for name in said if said[name] is True}
        return [match[1] for match in names.values() if match]

    @property
    def normalize(self) -> bool:
        """Whether a module brings vectors to unit length; nothing else may change them."""
        modules = [_module(each) for each in self._json("modules.json", list)]
        strangers = [name for name in modules if name not in MODULES]
        if strangers and self.output != WHOLE:
            raise CannotServe(f"its module {strangers[0]} is not served, only {', '.join(MODULES)}")
        return "Normalize" in modules or (self.folder / "2_Normalize").exists()

    @property
    def max_tokens(self) -> int:
        """The smallest limit of all files that still fits when padded to a multiple of four."""
        limits = [
            self._number("sentence_bert_config.json", "max_seq_length"),
            self._number("tokenizer_config.json", "model_max_length"),
        ]
        if positions := self._number("config.json", "max_position_embeddings"):
            reserved = self._number("config.json", "pad_token_id") + 1 if self.reserves else 0
            limits.append((positions - reserved) // MULTIPLE * MULTIPLE)
        known = [limit for limit in limits if limit]
        if not known or min(known) > 2**20:  # transformers writes 1e30 where it does not know
            raise CannotServe("no file says how many tokens it takes (max_position_embeddings)")
        return min(known)

    @property
    def reserves(self) -> bool:
        return self.architecture in OFFSET

    @property
    def size(self) -> dict[str, int]:
        """Layers and width, in BERT's words or DistilBERT's; 0 where they are not said."""
        names = {"layers": ("num_hidden_layers", "n_layers"), "width": ("hidden_size", "dim")}
        return {
            field: next(
                filter(None, (self._number("config.json", each) for each in names[field])), 0
            )
            for field in names
        }

    @property
    def licence(self) -> str:
        card = self.folder / "README.md"
        text = card.read_text("utf-8", "replace") if card.is_file() else ""
        found = re.search(r"\A---\n(?:.*\n)*?license: *(\S+)", text)
        return found[1] if found else "not known"

    @property
    def data(self) -> list[Path]:
        """The files beside the graph that have its weights."""
        tensors = [
            each
            for each in self.model.graph.initializer
            if external_data_helper.uses_external_data(each)
        ]
        names = {entry.value for each in tensors for entry in each.external_data
                 if entry.key == "location"}  # fmt: skip
        for name in names:
            if Path(name).name != name or not (self.graph.parent / name).is_file():
                raise CannotServe(f"its weights are in {name}, which is not beside the graph")
        return [self.graph.parent / name for name in sorted(names)]

    def refuse_what_is_not_done_here(self) -> None:
        """Refuse what would change the numbers and is done by no server but the original's."""
        prompt = self._object("config_sentence_transformers.json").get("default_prompt_name")
        if prompt:
            raise CannotServe(f"its default prompt {prompt} is not put before texts here")
        inputs = {each.name: each for each in self.model.graph.input}
        if "position_ids" in inputs and self.reserves:
            raise CannotServe(
                f"its input position_ids cannot be fed: a {self.config['model_type']} counts from "
                "its padding's id"
            )
        for name, each in inputs.items():
            fixed = [axis.dim_value for axis in each.type.tensor_type.shape.dim if axis.dim_value]
            if fixed:
                raise CannotServe(
                    f"its input {name} has a fixed axis of {fixed[0]}, not a free one"
                )

    def _number(self, name: str, field: str) -> int:
        """A whole number of a file, 0 where it is not said. transformers writes some as 1e30."""
        value = self._field(name, field, (int, float), 0)
        if not 0 <= value <= 1e100:  # NaN is not, either
            raise CannotServe(f"{name}: {field} is {value}")
        return int(value)

    def _field(self, name: str, field: str, kind: Any, default: Any) -> Any:
        """A field of a file, of this type. null is as good as nothing."""
        value = self._object(name).get(field)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise CannotServe(f"{name}: {field} is {json.dumps(value)[:50]}")
        return value

    def _object(self, name: str, *, needed: bool = False) -> dict[str, Any]:
        found: dict[str, Any] = self._json(name, dict, needed=needed)
        return found

    def _json(self, name: str, kind: type[T], *, needed: bool = False) -> T:
        """The content of a file: empty where the file is not there and not needed."""
        path = self.folder / name
        if not path.exists() and not needed:
            return kind()
        if path.exists() and not path.is_file():  # a named pipe would never end
            raise CannotServe(f"{path} cannot be read: it is no file")
        try:
            content = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise CannotServe(f"cannot read {in_words(error)}") from None
        except (ValueError, RecursionError) as error:
            raise CannotServe(f"{path} cannot be read: {error}") from None
        if not isinstance(content, kind):
            raise CannotServe(f"{path} holds no {'object' if kind is dict else 'array'}")
        return content


def _module(entry: object) -> str:
    """The last part of a module's type in modules.json."""
    kind = entry.get("type") if isinstance(entry, dict) else None
    if not isinstance(kind, str):
        raise CannotServe(f"modules.json: {json.dumps(entry)[:50]} has no type")
    return kind.rpartition(".")[2]


def found(folder: Path, graph: str, pooling: str) -> Found:
    """Find the folder's graph: the one that is named, or else model.onnx. Raises CannotServe."""
    names = [graph] if graph else list(GRAPHS)
    there = [folder / name for name in names if (folder / name).is_file()]
    if not there:
        others = ", ".join(str(path.relative_to(folder)) for path in sorted(folder.rglob("*.onnx")))
        raise CannotServe(
            f"{folder} has no {' or '.join(names)}"
            + (f"; --graph chooses one of {others}" if others else "")
        )
    if not (folder / "tokenizer.json").is_file():
        raise CannotServe(f"{folder} has no tokenizer.json, which a fast tokenizer writes")
    return Found(folder, there[0], pooling)
