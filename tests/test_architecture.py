"""Imports go one way, and a heavy library has one user."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TESTS

ROOT = TESTS.parent

# What a module may import of this project. A folder stands for all of its modules.
ALLOWED = {
    "functions": {"shared.web", "shared.lambda_adapter", "shared.dialects", "shared.library",
                  "shared.model", "shared.payload", "shared.errors", "shared.settings",
                  "shared.numerics", "shared.result"},
    "functions.text_embeddings": {"functions.tokenization"},
    "functions.sentence_similarity": {"functions.text_embeddings"},
    "functions.catalogue": {"functions.models", "shared.web", "shared.lambda_adapter",
                            "shared.dialects", "shared.access", "shared.errors"},
    "functions.models": {"shared.web", "shared.dialects", "shared.manifest", "shared.payload",
                         "shared.errors", "shared.settings"},
    "functions.readiness": {"functions", "shared.references"},
    "functions.local": {"functions", "shared.web", "shared.dialects"},
    "shared.errors": set(),
    "shared.settings": set(),
    "shared.result": set(),
    "shared.telemetry": {"shared.settings"},
    "shared.tokens": {"shared.settings"},
    "shared.numerics": set(),
    "shared.cache": set(),
    "shared.batching": set(),
    "shared.tokenization": set(),
    "shared.dialects": {"shared.errors", "shared.dialects", "shared.manifest", "shared.settings"},
    "shared.payload": {"shared.errors"},
    "shared.access": {"shared.errors", "shared.settings"},
    "shared.manifest": {"shared.errors", "shared.settings"},
    "shared.graph": {"shared.batching", "shared.numerics"},
    "shared.model": {"shared.tokenization", "shared.batching", "shared.manifest", "shared.result",
                     "shared.numerics", "shared.cache", "shared.errors", "shared.settings",
                     "shared.graph"},
    "shared.bucket": {"shared.manifest"},
    "shared.library": {"shared.bucket", "shared.model", "shared.manifest", "shared.errors",
                       "shared.settings"},
    "shared.references": {"shared.model"},
    "shared.web": {"shared.dialects", "shared.access", "shared.tokens", "shared.cache",
                   "shared.errors", "shared.result", "shared.telemetry", "shared.settings"},
    "shared.lambda_adapter": {"shared.access", "shared.tokens", "shared.dialects", "shared.errors",
                              "shared.telemetry", "shared.settings"},
}  # fmt: skip

ONLY_USERS = {
    "onnxruntime": {"shared.graph"},
    "tokenizers": {"shared.tokenization"},
    "mangum": {"shared.lambda_adapter"},
    "starlette": {"shared.web", "shared.lambda_adapter", "functions"},
}

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in ("functions", "shared")
    for path in sorted((ROOT / folder).rglob("*.py"))
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
    return found


def ancestors(module: str) -> set[str]:
    parts = module.split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts) + 1)}


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module: str) -> None:
    ours = {
        name
        for name in imports(MODULES[module])
        if name.split(".")[0] in ("functions", "shared", "tools", "tests")
    }
    if module in ("functions.local", "functions.catalogue", "functions.models"):
        allowed = ALLOWED[module]
    else:
        allowed = {name for each in ancestors(module) for name in ALLOWED.get(each, set())}
    assert {name for name in ours if not ancestors(name) & allowed} == set()


@pytest.mark.parametrize("module", MODULES)
def test_a_library_has_one_user(module: str) -> None:
    roots = {name.split(".")[0] for name in imports(MODULES[module])}
    for library, users in ONLY_USERS.items():
        assert library not in roots or ancestors(module) & users


def test_the_catalogue_opens_no_model_and_imports_nothing_that_could() -> None:
    code = "import sys, functions.catalogue; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "onnxruntime", "tokenizers"} & set(done.stdout.split())


@pytest.mark.parametrize("name", ["text_embeddings", "text_classification", "sentence_similarity"])
def test_a_handler_file_is_one_screen(name: str) -> None:
    assert len((ROOT / "functions" / f"{name}.py").read_text().splitlines()) <= 100


def test_telemetry_of_the_runtime_is_off_before_it_is_imported() -> None:
    code = "import shared.model, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
