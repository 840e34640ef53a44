"""Reads what the files of an ONNX encoder say of it, in a folder as the Hugging Face Hub has it."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import onnx
from onnx import external_data_helper
from tokenizers import Tokenizer
from tokenizers.models import WordPiece

from shared.inference.batching import MULTIPLE, padded
from shared.manifest_checks import Function
from textfn.installing.json_files import CannotServe, JsonFiles, checked, shown
from textfn.installing.sentence_modules import MODULES, POOLINGS, Sentences

GRAPHS = ("model.onnx", "onnx/model.onnx")
# Names of outputs, best first; each has a row per text or a row per token.
OUTPUTS = ("logits", "sentence_embedding", "last_hidden_state", "token_embeddings", "pooler_output")
WHOLE = "sentence_embedding"  # the exporters' name for what all modules give together
# Their position tables begin with the padding's id and those before it (transformers'
# create_position_ids_from_input_ids), so their first token is not at position 0. Their
# configurations leave pad_token_id out where it is 1.
OFFSET = {"camembert", "mpnet", "roberta", "xlm-roberta"}
# problem_type -> the function that transformers' pipeline applies.
FUNCTIONS: dict[str, Function] = {
    "regression": "none",
    "multi_label_classification": "sigmoid",
    "single_label_classification": "softmax",
}
CLASSIFIER = "ForSequenceClassification"


class Asked(NamedTuple):
    """What a person says of a model: empty or None where the files shall say it."""

    name: str = ""
    aliases: tuple[str, ...] = ()
    graph: str = ""
    output: str = ""
    pooling: str = ""
    normalize: bool | None = None


@dataclass(frozen=True)
class Found:
    """A folder with a graph, tokenizer.json and config.json.

    Every property raises CannotServe if the files say something that is not served here, say
    another thing than `asked`, or hold values of a wrong type.
    """

    sentences: Sentences
    graph: Path
    asked: Asked = Asked()

    @property
    def folder(self) -> Path:
        return self.sentences.files.folder

    @property
    def files(self) -> JsonFiles:
        """config.json and the files beside it."""
        return self.sentences.transformer

    @property
    def tokenizer(self) -> Path:
        return self.files.folder / "tokenizer.json"

    @cached_property
    def model(self) -> onnx.ModelProto:
        """The graph, without its data files."""
        try:
            return onnx.load(self.graph, load_external_data=False)
        except Exception as error:  # protobuf's DecodeError, which has two homes
            raise CannotServe(f"{self.graph} is no ONNX model: {error}") from None

    @cached_property
    def architecture(self) -> str:
        """The checkpoint's model_type; empty where config.json has none."""
        return self.files.field("config.json", "model_type", "")

    @cached_property
    def output(self) -> str:
        """The output to be read; `axes` is 3 where it has a row per token, 2 where one per text."""
        there = [each.name for each in self.model.graph.output]
        listed = ", ".join(there)
        if self.asked.output:
            if self.asked.output not in there:
                raise CannotServe(f"the graph has no output {self.asked.output}, only {listed}")
            return self.asked.output
        known = [name for name in OUTPUTS if name in there] or there[: len(there) == 1]
        if not known:
            raise CannotServe(f"none of its outputs is known: say --output with one of {listed}")
        return known[0]

    @cached_property
    def axes(self) -> int:
        output = next(each for each in self.model.graph.output if each.name == self.output)
        axes = len(output.type.tensor_type.shape.dim)
        if axes not in ((2,) if self.classifies else (2, 3)):
            rows = "text" if self.classifies else "text or token"
            raise CannotServe(
                f"its output {self.output} has {axes} axes; an output with a row per {rows} is "
                "served"
            )
        return axes

    @cached_property
    def classifies(self) -> bool:
        """Whether the output has logits of labels."""
        if self.output in OUTPUTS:
            return self.output == "logits"
        kinds = self.files.field("config.json", "architectures", list[object]())
        is_head = any(str(kind).endswith(CLASSIFIER) for kind in kinds)
        if is_head and self.output != self.asked.output:
            raise CannotServe(
                f"config.json: architectures is {shown(kinds)}, and no output is named logits: "
                f"say --output {self.output} if it has logits"
            )
        return is_head

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """In the order of the logits; none where the model gives vectors."""
        if not self.classifies:
            return ()
        place = "config.json: id2label"
        named = self.files.field("config.json", "id2label", dict[str, object]())
        if not named:
            raise CannotServe(f"{place} is not there: which label is which is not known")
        numbers = [str(number) for number in range(len(named))]
        if set(named) != set(numbers):
            raise CannotServe(f"{place} has {shown(list(named))}, not the numbers from 0")
        labels = tuple(checked(f"{place}: {each}", named[each], str) for each in numbers)
        if "" in labels or len(set(labels)) < len(labels):
            raise CannotServe(f"{place} has a label twice, or one without a name")
        return labels

    @property
    def function(self) -> Function:
        """What makes scores of logits, as in transformers' pipeline."""
        kind = self.files.field("config.json", "problem_type", "")
        if kind and kind not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise CannotServe(f"config.json: problem_type is {shown(kind)}, not one of {known}")
        return FUNCTIONS[kind] if kind else "softmax" if len(self.labels) != 1 else "sigmoid"

    @property
    def pooling(self) -> str:
        """How rows per token become a row per text: here, or inside the graph."""
        if self.labels:
            return "cls"  # as heads are trained; no request sees it
        modes, asked = self.sentences.poolings, self.asked.pooling
        stated = POOLINGS.get(modes[0], "graph") if len(modes) == 1 else "graph" if modes else ""
        named = f"{self.sentences.pooling_file}: pooling by {' and '.join(modes)}"
        if self.output == "pooler_output":
            if modes and self.output != self.asked.output:
                raise CannotServe(
                    f"{named}, but the graph has no rows per token: say --output pooler_output to "
                    "have BERT's pooler instead"
                )
            return "cls"  # BERT's pooler reads the first row
        if modes and asked not in ("", stated):
            raise CannotServe(f"{named}, --pooling says {asked}: leave the option out")
        if self.axes == 2:
            return stated or asked or "graph"
        if stated == "graph":
            raise CannotServe(f"{named} is not served, only one of {_words(POOLINGS)}")
        if not stated and not asked:
            raise CannotServe(
                f"{self.sentences.pooling_file} is not there: say --pooling mean, cls or last"
            )
        return stated or asked

    @property
    def normalize(self) -> bool | None:
        """Whether vectors are brought to unit length; None if neither file nor person says it."""
        asked, stated = self.asked.normalize, self.sentences.normalize
        if not self.sentences.described:
            return asked
        if asked not in (None, stated):
            has = "a" if stated else "no"
            option = "--normalize" if asked else "--no-normalize"
            raise CannotServe(f"the model has {has} module Normalize: leave {option} out")
        return stated

    @property
    def max_tokens(self) -> int:
        """The limit of sentence-transformers, else the tokenizer's, within the positions.

        A run is padded to a multiple of four tokens, which need positions too.
        """
        limit, place = self.sentences.max_tokens, f"{self.sentences.config}: max_seq_length"
        if not limit:
            limit = self.files.number("tokenizer_config.json", "model_max_length")
            place = "tokenizer_config.json: model_max_length"
        positions = self._positions
        if positions and (not limit or limit > positions):
            limit, place = positions, "config.json: max_position_embeddings"
        if positions and not self.runs_alone and padded(limit) > positions:
            limit = positions // MULTIPLE * MULTIPLE
        if not 0 < limit <= 2**20:  # transformers writes 1e30 where it does not know
            raise CannotServe(
                "no file says how many tokens it takes: config.json has no max_position_embeddings "
                "and tokenizer_config.json no model_max_length"
            )
        special = self._opened_tokenizer.num_special_tokens_to_add(is_pair=False)
        if limit <= special:
            raise CannotServe(f"{place} is {limit}; the tokenizer adds {special} tokens to a text")
        return limit

    @property
    def _positions(self) -> int:
        """The longest text that the table of positions holds; 0 where there is no such table."""
        field = "max_position_embeddings"
        if "t5" not in self.architecture and not self.files.fields("config.json").get(field):
            field = "n_positions"  # GPT-2's word; T5's positions are relative
        if self.files.fields("config.json").get(field) == -1:  # XLNet's word for none
            return 0
        reserved = (self.pad_token_id or 0) + 1 if self.architecture in OFFSET else 0
        return max(self.files.number("config.json", field) - reserved, 0)

    @property
    def runs_alone(self) -> bool:
        """Whether each text runs alone, without padding: see shared/inference/session.py."""
        inputs = self.model.graph.input
        return "attention_mask" not in {each.name for each in inputs} or any(
            _fixed(each)[:1] == [1] for each in inputs
        )

    @cached_property
    def pad_token_id(self) -> int | None:
        """What config.json says, else the tokenizer's; None where no file says it."""
        default = 1 if self.architecture in OFFSET else -1
        said = self.files.field("config.json", "pad_token_id", float(default))
        if said != -1:
            return self._checked_pad(said)
        token = self.files.fields("tokenizer_config.json").get("pad_token")
        token = token.get("content") if isinstance(token, dict) else token
        if token is None:
            return None
        token = checked("tokenizer_config.json: pad_token", token, str)
        try:
            return self._opened_tokenizer.token_to_id(token)
        except ValueError:  # no Unicode
            raise CannotServe(f"tokenizer_config.json: pad_token is {shown(token)}") from None

    def _checked_pad(self, said: float) -> int:
        if not (0 <= said < 2**31 and said == int(said)):
            raise CannotServe(f"config.json: pad_token_id is {said}, no id of a token")
        return int(said)

    @cached_property
    def _opened_tokenizer(self) -> Tokenizer:
        try:
            return Tokenizer.from_file(str(self.tokenizer))
        except Exception as error:  # tokenizers raises no narrower class
            raise CannotServe(f"{self.tokenizer} cannot be read: {error}") from None

    @property
    def tokenizer_content(self) -> bytes:
        """tokenizer.json as it is served: lower-casing first, where sentence-transformers does it.

        sentence-transformers reads do_lower_case of its own configuration. That of
        tokenizer_config.json is read by transformers' WordPiece tokenizers.
        """
        content = self.tokenizer.read_bytes()
        keeps = self._keeps_capitals
        if self.sentences.lower_case:
            return _lower_cased(content) if keeps else content
        said = self.files.field("tokenizer_config.json", "do_lower_case", not keeps)
        if isinstance(self._opened_tokenizer.model, WordPiece) and said is keeps:
            does = "keeps" if keeps else "lowers"
            raise CannotServe(
                f"tokenizer_config.json: do_lower_case is {shown(said)}, but tokenizer.json {does} "
                "capital letters: make them agree"
            )
        return content

    @property
    def _keeps_capitals(self) -> bool:
        normalizer = self._opened_tokenizer.normalizer
        return normalizer is None or "A" in normalizer.normalize_str("A")

    @property
    def size(self) -> dict[str, int]:
        """Layers and width, in BERT's words or DistilBERT's; 0 where they are not said."""
        names = {"layers": ("num_hidden_layers", "n_layers"), "width": ("hidden_size", "dim")}
        return {
            field: next(
                filter(None, (self.files.number("config.json", each) for each in names[field])), 0
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
        strangers = self.sentences.strangers
        is_whole = self.output == WHOLE or (self.asked.output and self.axes == 2)
        if strangers and not is_whole:
            raise CannotServe(
                f"modules.json: its module {strangers[0]} is not served, only {_words(MODULES)}, "
                f"unless the graph has an output {WHOLE}, which all modules give together"
            )
        inputs = {each.name: each for each in self.model.graph.input}
        if "position_ids" in inputs and self.architecture in OFFSET:
            raise CannotServe(
                f"its input position_ids cannot be fed: a {self.architecture} counts from its "
                "padding's id. Export it without this input."
            )
        for name, each in inputs.items():
            first, *others = [*_fixed(each), 0, 0][:2]
            if first > 1 or any(others):
                raise CannotServe(
                    f"its input {name} has a fixed axis of {max(first, *others)}: only a batch "
                    "axis may be fixed, to 1. Export it with dynamic axes."
                )


def _fixed(value: onnx.ValueInfoProto) -> list[int]:
    """Return the lengths of an input's axes; 0 for an axis of any length."""
    return [axis.dim_value for axis in value.type.tensor_type.shape.dim]


def _words(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}"


def _lower_cased(content: bytes) -> bytes:
    """Put Lowercase before tokenizer.json's normalizers, as sentence-transformers does."""
    tokenizer = json.loads(content)
    others = [each for each in [tokenizer.get("normalizer")] if each]
    normalizers = [{"type": "Lowercase"}, *others]
    tokenizer["normalizer"] = {"type": "Sequence", "normalizers": normalizers}
    return json.dumps(tokenizer, ensure_ascii=False).encode()


def found(folder: Path, asked: Asked) -> Found:
    """Find the folder's graph: the one that is named, or else model.onnx. Raises CannotServe."""
    sentences = Sentences(JsonFiles(folder))
    homes = dict.fromkeys((folder, sentences.transformer.folder))
    names = [asked.graph] if asked.graph else list(GRAPHS)
    there = [home / name for home in homes for name in names if (home / name).is_file()]
    if not there:
        others = ", ".join(str(path.relative_to(folder)) for path in sorted(folder.rglob("*.onnx")))
        raise CannotServe(
            f"{folder} has no {' or '.join(names)}"
            + (f"; --graph chooses one of {others}" if others else "")
        )
    files = Found(sentences, there[0], asked)
    if not files.tokenizer.is_file():
        raise CannotServe(
            f"{files.tokenizer.parent} has no tokenizer.json. transformers' "
            "AutoTokenizer.from_pretrained(...).save_pretrained(...) writes it."
        )
    files.files.fields("config.json", needed=True)
    return files
