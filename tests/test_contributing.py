"""A model and a dialect, added in a copy of the checkout exactly as CONTRIBUTING.md says."""

import json
import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import openai
import pytest
from conftest import MODELS, TESTS
from markdown_it import MarkdownIt
from running import serving

ROOT = TESTS.parent
COPIED = (
    *("functions", "shared", "textfn", "models", "docs", "tests"),
    *(
        "README.md",
        "CONTRIBUTING.md",
        "Makefile",
        "pyproject.toml",
        "template.yaml",
        "serverless.yml",
    ),
)
DATA = (".onnx", ".npz")
# What holds for every dialect, path and model.
CONTRACT = (
    "tests/shared/test_errors.py",
    "tests/deploy/test_templates.py",
    "tests/functions/test_openapi.py",
    "tests/textfn/generating",
    "tests/test_architecture.py",
    "tests/test_docs.py::test_every_model_is_in_the_readme",
)
MODEL, DIALECT = "models/gte-small/manifest.toml", "shared/http/dialects/azure.py"


class Block(NamedTuple):
    """A block of code of CONTRIBUTING.md, and the file that the paragraph before it names last."""

    file: str
    language: str
    code: str


def blocks() -> list[Block]:
    parsed = MarkdownIt("commonmark").parse((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    tokens = [each for each in parsed if each.type in ("inline", "fence")]
    return [
        Block(re.findall("`(.+?)`", before.content)[-1], fence.info, fence.content)
        for before, fence in pairwise(tokens)
        if fence.type == "fence" and fence.info
    ]


class Checkout:
    """A copy of this one. Its models' data is that of this one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "node_modules", "*@*", ".pull")
                shutil.copytree(ROOT / name, folder / name, ignore=ignored, copy_function=_copy)
            else:
                shutil.copy2(ROOT / name, folder / name)

    def add(self) -> None:
        """Write the files of CONTRIBUTING.md and change the lines of its differences."""
        for file, language, code in blocks():
            path = self.folder / file
            if language == "diff":
                self._change(path, code.splitlines())
            else:
                assert not path.exists()
                path.parent.mkdir(exist_ok=True)
                path.write_text(code, "utf-8")

    def _change(self, path: Path, lines: list[str]) -> None:
        text = path.read_text("utf-8")
        for old, new in zip(lines[::2], lines[1::2], strict=True):
            assert (old[0], new[0], text.count(old[1:])) == ("-", "+", 1)
            text = text.replace(old[1:], new[1:])
        path.write_text(text, "utf-8")

    def generate(self) -> None:
        """`make generated`, with the packages of the environment that runs this test."""
        made = self.run(
            "make", "-o", ".venv/dev", f"BIN={Path(sys.executable).parent}", "generated"
        )
        assert made.returncode == 0, made.stderr

    def test(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | {"TEXTFN_MODELS_DIR": ""},
            capture_output=True,
            text=True,
        )

    @property
    def environment(self) -> dict[str, str]:
        paths = (str(self.folder), str(self.folder / "tests" / "guard"))
        return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def _copy(source: str, destination: str) -> None:
    if source.endswith(DATA):
        os.symlink(source, destination)
    else:
        shutil.copy2(source, destination)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    checkout = Checkout(tmp_path_factory.mktemp("changed"))
    checkout.add()
    checkout.generate()
    return checkout


def test_contributing_has_a_model_and_a_dialect_to_add() -> None:
    assert [each.file for each in blocks()] == [MODEL, DIALECT, "shared/http/dialects/__init__.py"]


def test_what_contributing_says_passes_every_test_of_the_contract(changed: Checkout) -> None:
    done = changed.test(*CONTRACT)
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 700


def test_what_contributing_says_passes_the_checks_of_style_and_types(changed: Checkout) -> None:
    tools = Path(sys.executable).parent
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]):
        done = changed.run(str(tools / command[0]), *command[1:], "shared/http/dialects")
        assert done.returncode == 0, done.stdout


def test_the_model_and_the_dialect_are_in_every_generated_file(changed: Checkout) -> None:
    def text(name: str) -> str:
        return (changed.folder / name).read_text("utf-8")

    assert "| gte-small | embeddings (384), similarity | pulled | MIT |" in text("README.md")
    assert "| gte-small | `thenlper/gte-small` | 512 | mean |" in text("docs/models.md")
    for name in ("template.yaml", "serverless.yml"):
        assert "/hf-inference/models/thenlper/gte-small" in text(name)
        assert "/openai/deployments/{owner}/{name}/embeddings" in text(name)
    document = json.loads(text("functions/openapi.json"))
    operation = document["paths"]["/openai/deployments/{model}/embeddings"]["post"]
    assert operation["tags"] == ["Azure OpenAI"]
    assert operation["operationId"] == "openaiDeploymentsEmbeddings"
    assert "AzureError" in document["components"]["schemas"]


def test_the_new_model_answers_a_client_of_the_new_dialect(
    changed: Checkout, tmp_path: Path
) -> None:
    tiny = tmp_path / "gte-small@pulled"
    shutil.copytree(MODELS / "tiny-embedder", tiny)
    manifest = (tiny / "manifest.toml").read_text("utf-8")
    manifest = manifest.replace('"tiny-embedder"', '"gte-small"').replace(
        "@test/tiny-embedder", "thenlper/gte-small"
    )
    (tiny / "manifest.toml").write_text(manifest, "utf-8")
    environment = changed.environment | {"TEXTFN_MODELS_DIR": str(tmp_path)}
    with serving(cwd=changed.folder, **environment) as (base, _):
        client = openai.AzureOpenAI(
            azure_endpoint=base, api_key="none", api_version="2024-02-01", max_retries=0
        )
        for name in ("gte-small", "thenlper/gte-small"):
            answer = client.embeddings.create(model=name, input=["hello", "a llama"])
            assert [len(each.embedding) for each in answer.data] == [16, 16]
        plain = openai.OpenAI(base_url=f"{base}/v1", api_key="none")
        expected = plain.embeddings.create(model="all-minilm-l6-v2", input="hello").data
        assert client.embeddings.create(model="all-minilm-l6-v2", input="hello").data == expected


def test_an_error_of_the_new_dialect_is_in_its_own_words(changed: Checkout, tmp_path: Path) -> None:
    environment = changed.environment | {"TEXTFN_MODELS_DIR": str(tmp_path)}
    with serving(cwd=changed.folder, **environment) as (base, _):
        client = openai.AzureOpenAI(
            azure_endpoint=base, api_key="none", api_version="2024-02-01", max_retries=0
        )
        with pytest.raises(openai.NotFoundError) as missing:
            client.embeddings.create(model="gte-small", input="hello")
        assert missing.value.code == "DeploymentNotFound"
        assert "textfn models pull gte-small" in missing.value.message
        with pytest.raises(openai.BadRequestError) as wrong:
            client.embeddings.create(model="all-minilm-l6-v2", input="hello", dimensions=5)
        assert wrong.value.code == "BadRequest"


def test_an_error_table_that_fails_does_not_pass(changed: Checkout) -> None:
    path = changed.folder / DIALECT
    original = path.read_text("utf-8")
    broken = original.replace(
        "    status, code = for_error", "    raise KeyError(error)\n    status, code = for_error"
    )
    assert broken != original
    path.write_text(broken, "utf-8")
    try:
        done = changed.test("-x", "tests/shared/test_errors.py")
    finally:
        path.write_text(original, "utf-8")
    assert done.returncode == 1
    assert "Azure OpenAI" in done.stdout and "KeyError" in done.stdout


def test_without_make_generated_the_additions_do_not_pass(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    checkout.add()
    checked = checkout.run(sys.executable, "-m", "textfn.generating", "--check")
    assert checked.returncode == 1
    for name in ("template.yaml", "serverless.yml", "README.md", "functions/openapi.json"):
        assert f"{name} is not what is generated. Run `make generated`." in checked.stderr
    routed = "tests/deploy/test_templates.py::test_every_path_of_every_dialect_is_asked_and_served"
    described = "tests/functions/test_openapi.py::test_the_paths_of_the_document_are_the_routes"
    done = checkout.test(routed, described)
    assert (done.returncode, "2 failed" in done.stdout) == (1, True)
    assert "/openai/deployments/{model}/embeddings" in done.stdout
