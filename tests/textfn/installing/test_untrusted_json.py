"""Any value of a model folder's JSON files may have any type: one line, and nothing installed."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import encoders
import pytest
from adding import models_in
from encoders import MEAN, SHORT

from textfn.__main__ import main

VALUES: list[Any] = [
    None, True, 0, 1, -7, 1.5, float("nan"), float("inf"), 10**400, "", "x", "\ud800", "7" * 5000,
    [], [1], ["x", "y"], [[]], {}, {"x": 1}, {"0": {}}, {"content": []},
]  # fmt: skip
# Every field that is read, by its file; "" is the file as a whole.
FIELDS = {
    "config": ["", "model_type", "max_position_embeddings", "n_positions", "pad_token_id",
               "id2label", "problem_type", "architectures", "num_hidden_layers", "hidden_size",
               "n_layers", "dim"],
    "tokenizer_config": ["", "model_max_length", "pad_token", "do_lower_case"],
    "sentence_bert_config": ["", "max_seq_length", "do_lower_case"],
    "config_sentence_transformers": ["", "prompts", "default_prompt_name"],
    "modules": ["", "0", "type", "path"],
    "1_Pooling__config": ["", "pooling_mode", "pooling_mode_mean_tokens", "pooling_mode_cls_token",
                          "pooling_mode_max_tokens", "include_prompt"],
    "tokenizer": ["", "model", "normalizer", "added_tokens", "post_processor", "truncation"],
}  # fmt: skip
PLACES = [
    (file, field, output)
    for file, fields in FIELDS.items()
    for field in fields
    for output in (["last_hidden_state", "logits"] if file == "config" else ["last_hidden_state"])
]
LABELS = {"id2label": {"0": "sad", "1": "happy", "2": "angry"}}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with models_in(tmp_path / "models", monkeypatch) as folder:
        yield folder


def changed(content: Any, field: str, value: Any) -> Any:
    if not field:
        return value
    if isinstance(content, list):  # of modules
        return [value] if field == "0" else [*content[:-1], content[-1] | {field: value}]
    return content | {field: value}


@pytest.mark.parametrize(("file", "field", "output"), PLACES)
def test_a_value_of_any_type_is_harmless_or_one_line_that_names_its_file(
    models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    field: str,
    output: str,
) -> None:
    files = {"config": encoders.CONFIG | LABELS, "1_Pooling__config": MEAN}
    folder = encoders.write(tmp_path / "toy", SHORT, output, **files)
    path = folder / f"{file.replace('__', '/')}.json"
    content = json.loads(path.read_text("utf-8")) if path.exists() else {}
    for value in VALUES:
        path.write_text(json.dumps(changed(content, field, value)), "utf-8")
        code = main(["models", "add", str(folder)])
        error = capsys.readouterr().err
        installed = list(models.glob("*/manifest.toml"))
        assert not list(models.glob(".pull/*"))
        if code == 0:
            assert not error
            shutil.rmtree(installed[0].parent)
            continue
        assert code == 1 and error.startswith("textfn models add: ")
        assert len(error.splitlines()) == 1 and not installed
        assert path.name in error or "/config.json is not there" in error  # of another folder
