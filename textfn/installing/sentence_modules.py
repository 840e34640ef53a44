"""What the files of sentence-transformers say: modules, pooling, unit length, prompts, limits."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from textfn.installing.json_files import CannotServe, JsonFiles, checked, shown

MODULES = ("Transformer", "Pooling", "Normalize")
PROMPTS = "config_sentence_transformers.json"
# In the order in which sentence-transformers looks for them; the first that is there counts.
CONFIGS = tuple(
    f"sentence_{name}_config.json"
    for name in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
LONGEST_PATH = 200  # of a module's folder, in characters
# The names of sentence-transformers, and ours.
POOLINGS = {"cls": "cls", "mean": "mean", "lasttoken": "last"}


class Module(NamedTuple):
    """`kind` is the last part of its type, `path` its folder: "" is the model's own."""

    kind: str
    path: str


@dataclass(frozen=True)
class Sentences:
    """A folder of sentence-transformers. Every property raises CannotServe."""

    files: JsonFiles

    @property
    def described(self) -> bool:
        """Whether a file says if vectors have unit length."""
        return self.files.has("modules.json") or self.files.has("2_Normalize")

    @cached_property
    def modules(self) -> list[Module]:
        return [_module(index, each) for index, each in enumerate(self.files.array("modules.json"))]

    @property
    def strangers(self) -> list[str]:
        """The kinds of modules that are not computed here."""
        return [each.kind for each in self.modules if each.kind not in MODULES]

    @cached_property
    def transformer(self) -> JsonFiles:
        """The files of the Transformer, which has a folder of its own in older models."""
        folder = self.files.folder / self._path("Transformer", "")
        return JsonFiles(folder) if (folder / "config.json").exists() else self.files

    @property
    def normalize(self) -> bool:
        """Whether a module brings vectors to unit length."""
        if not self.files.has("modules.json"):
            return self.files.has("2_Normalize")
        return any(each.kind == "Normalize" for each in self.modules)

    @property
    def pooling_file(self) -> str:
        return str(PurePosixPath(self._path("Pooling", "1_Pooling"), "config.json"))

    @cached_property
    def poolings(self) -> list[str]:
        """The kinds of pooling that are joined, in the words of sentence-transformers."""
        if not self.files.has(self.pooling_file):
            return []
        said = self.files.fields(self.pooling_file)
        if "pooling_mode" in said:
            new, place = said["pooling_mode"], f"{self.pooling_file}: pooling_mode"
            if new == []:
                raise CannotServe(f"{place} is [], no mode")
            return [checked(place, each, str) for each in (new if type(new) is list else [new])]
        old = re.compile("pooling_mode_(.*?)(_tokens?)?")
        flags = {match[1]: name for name in said if (match := old.fullmatch(name))}
        on = [mode for mode in flags if self.files.field(self.pooling_file, flags[mode], False)]
        return on or ["mean"]

    @property
    def max_tokens(self) -> int:
        """0 where it is not said."""
        return self.transformer.number(self.config, "max_seq_length")

    @property
    def lower_case(self) -> bool:
        return self.transformer.field(self.config, "do_lower_case", False)

    @property
    def prompts(self) -> dict[str, str]:
        """The prompts by name; where Pooling leaves their tokens out, those without a text."""
        said = self.files.field(PROMPTS, "prompts", dict[str, object]())
        texts = {
            name: checked(f"{PROMPTS}: prompts: {shown(name)}", text or "", str)
            for name, text in said.items()
        }
        pooled = self.files.field(self.pooling_file, "include_prompt", True)
        return {name: text for name, text in texts.items() if pooled or not text}

    @property
    def default_prompt(self) -> str:
        """The name of the prompt that is put before every text; empty if there is none."""
        name = self.files.field(PROMPTS, "default_prompt_name", "")
        if name and name not in self.files.field(PROMPTS, "prompts", dict[str, object]()):
            raise CannotServe(
                f"{PROMPTS}: default_prompt_name is {shown(name)}, no name of prompts"
            )
        if name and name not in self.prompts:
            raise CannotServe(
                f"{self.pooling_file}: include_prompt is false, and the default prompt {name} is "
                "put before every text: only prompts that are pooled too are served"
            )
        return name if name and self.prompts[name] else ""

    @property
    def config(self) -> str:
        """The name of the Transformer's own configuration."""
        return next(filter(self.transformer.has, CONFIGS), CONFIGS[0])

    def _path(self, kind: str, default: str) -> str:
        """Return the folder of a module; the default if there is no such module."""
        paths = [each.path for each in self.modules if each.kind == kind]
        if len(paths) > 1:
            raise CannotServe(f"modules.json has {len(paths)} modules {kind}; one is served")
        return paths[0] if paths else default


def _module(index: int, entry: object) -> Module:
    entry = checked(f"modules.json: [{index}]", entry, dict)
    kind = checked(f"modules.json: [{index}].type", entry.get("type"), str)
    path = checked(f"modules.json: [{index}].path", entry.get("path", ""), str)
    plain = not set(path) & set("\\:\0") and len(path) <= LONGEST_PATH
    if not plain or Path(path).is_absolute() or ".." in path.split("/"):
        raise CannotServe(f"modules.json: [{index}].path is {shown(path)}, no folder of the model")
    return Module(kind.rpartition(".")[2], path)
