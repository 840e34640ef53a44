"""What the files of an ONNX encoder say of it, in a folder as the Hugging Face Hub has them."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import onnx
from onnx import external_data_helper

from shared.inference.batching import MULTIPLE

GRAPHS = ("model.onnx", "onnx/model.onnx")
# Outputs by name, best first; each has a row a text or a row a token.
OUTPUTS = ("logits", "sentence_embedding", "last_hidden_state", "token_embeddings", "pooler_output")
WHOLE = "sentence_embedding"  # the exporters' name for what all modules give together
MODULES = ("Transformer", "Pooling", "Normalize")
# Their position tables begin with the padding's id and those before it (transformers'
# create_position_ids_from_input_ids), so their first token is not at position 0.
OFFSET = {"camembert", "mpnet", "roberta", "xlm-roberta"}


class CannotServe(ValueError):
    """A model that would be served wrongly, or not at all; the message says what is in the way."""


@dataclass(frozen=True)
class Found:
    """A folder with a graph, tokenizer.json and config.json; `asked` is the pooling it leaves out.

    Everything raises CannotServe where the files say something that is not served here.
    """

    folder: Path
    graph: Path
    asked: str = ""

    @cached_property
    def model(self) -> onnx.ModelProto:
        """The graph without its data files."""
        try:
            return onnx.load(self.graph, load_external_data=False)
        except Exception as error:  # protobuf's DecodeError, which its two runtimes place apart
            raise CannotServe(f"{self.graph} is no ONNX model: {error}") from None

    @cached_property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self._json("config.json", needed=True)
        return config

    @cached_property
    def output(self) -> str:
        """The output to be read; `axes` is 3 where it has a row a token, 2 where one a text."""
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
            raise CannotServe(f"its output {self.output} has {axes} axes: no row a text or a token")
        return axes

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the logits; none where the model gives vectors."""
        if self.output != "logits":
            return ()
        named = self.config.get("id2label", {})
        if self.config.get("problem_type") == "multi_label_classification" or len(named) == 1:
            raise CannotServe("its labels do not exclude each other: no softmax over them is right")
        if not named:
            raise CannotServe("config.json has no id2label: which label is which is not known")
        return tuple(named[number] for number in sorted(named, key=int))

    @property
    def pooling(self) -> str:
        """Of a row a token it is done here; of a row a text it was done inside."""
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
        said = self._json("1_Pooling/config.json")
        old = re.compile("pooling_mode_(.*?)(_tokens?)?")
        names = {name: old.fullmatch(name) for name in said if said[name] is True}
        modes = [match[1] for match in names.values() if match]
        return [said["pooling_mode"]] if "pooling_mode" in said else modes

    @property
    def normalize(self) -> bool:
        """Whether a module brings vectors to unit length; nothing else may change them."""
        modules = [
            each["type"].rpartition(".")[2] for each in self._json("modules.json", or_else=[])
        ]
        strangers = [name for name in modules if name not in MODULES]
        if strangers and self.output != WHOLE:
            raise CannotServe(f"its module {strangers[0]} is not served, only {', '.join(MODULES)}")
        return "Normalize" in modules or (self.folder / "2_Normalize").exists()

    @property
    def max_tokens(self) -> int:
        """The least that any file says, and that still fits when padded to a multiple of four."""
        limits = [
            self._json("sentence_bert_config.json").get("max_seq_length"),
            self._json("tokenizer_config.json").get("model_max_length"),
        ]
        if positions := self.config.get("max_position_embeddings"):
            reserved = self.config.get("pad_token_id", 0) + 1 if self.reserves else 0
            limits.append((positions - reserved) // MULTIPLE * MULTIPLE)
        known = [int(limit) for limit in limits if limit]
        if not known or min(known) > 2**20:  # transformers writes 1e30 where it does not know
            raise CannotServe("no file says how many tokens it takes (max_position_embeddings)")
        return min(known)

    @property
    def reserves(self) -> bool:
        return self.config.get("model_type") in OFFSET

    @property
    def size(self) -> dict[str, int]:
        """Layers and width, in BERT's words or DistilBERT's; 0 where they are not said."""
        names = {"layers": ("num_hidden_layers", "n_layers"), "width": ("hidden_size", "dim")}
        return {
            field: next((self.config[name] for name in names[field] if name in self.config), 0)
            for field in names
        }

    @property
    def licence(self) -> str:
        card = self.folder / "README.md"
        text = card.read_text("utf-8") if card.exists() else ""
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
            if Path(name).name != name:
                raise CannotServe(f"its weights are in {name}, which is not beside the graph")
        return [self.graph.parent / name for name in sorted(names)]

    def refuse_what_is_not_done_here(self) -> None:
        """What would change the numbers and is done by no server but the original's."""
        prompt = self._json("config_sentence_transformers.json").get("default_prompt_name")
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

    def _json(self, name: str, *, needed: bool = False, or_else: Any = None) -> Any:
        path = self.folder / name
        if not path.exists() and not needed:
            return or_else or {}
        try:
            return json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise CannotServe(f"{path} cannot be read: {error}") from None


def found(folder: Path, graph: str, pooling: str) -> Found:
    """The folder's graph: the one that is named, or else model.onnx. Raises CannotServe."""
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
