"""What the documentation says is what the code does."""

import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from dataclasses import fields

import pytest
from conftest import TESTS, Server
from opened import catalogue

from shared.settings import PREFIX, Settings

README = (TESTS.parent / "README.md").read_text("utf-8")
SETTINGS = (TESTS.parent / "docs" / "settings.md").read_text("utf-8")
TASKS = ("text_embeddings", "sentence_similarity", "text_classification")
ARCHITECTURE = (TESTS.parent / "docs" / "architecture.md").read_text("utf-8")
CURLS = re.findall(r"^curl .*?(?=^```)", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("curl", CURLS)
def test_a_curl_line_of_the_readme_works(server: Server, curl: str) -> None:
    words = shlex.split(curl)
    path = words[1].removeprefix("http://127.0.0.1:8787")
    answer = server.post(path, words[words.index("-d") + 1].encode())
    assert answer.status == 200
    assert answer.json


def test_the_readme_has_a_curl_line_for_each_dialect() -> None:
    assert len(CURLS) >= 3


def test_every_setting_is_in_the_docs_with_its_default() -> None:
    table = dict(re.findall(r"^\| `(TEXTFN_[A-Z_]+)` \| `?([^|`]*?)`? ?\|", SETTINGS, re.MULTILINE))
    defaults = {
        PREFIX + each.name.upper(): str(each.default or "").replace("frozenset()", "")
        for each in fields(Settings)
    }
    assert table == defaults | {"TEXTFN_THREADS": "processors"}


def test_every_model_is_in_the_readme() -> None:
    bundled = [each for each in catalogue if TESTS not in each.folder.parents]
    assert len(bundled) >= 5
    for manifest in bundled:
        assert f"| {manifest.id} |" in README


def test_every_module_is_in_the_architecture() -> None:
    """By its path, or by that of its folder; the tasks share a row."""
    root = TESTS.parent
    listed = set(re.findall(r"^\| `([^`]+)` \|", ARCHITECTURE, re.MULTILINE))
    for path in (*root.glob("functions/*.py"), *root.glob("shared/**/*.py")):
        name, folder = path.relative_to(root).as_posix(), path.parent.relative_to(root).as_posix()
        task = name.replace(path.stem, "<task>") if path.stem in TASKS else name
        assert path.name == "__init__.py" or {name, task, f"{folder}/"} & listed, name
    rooms = {f"textfn/{path.parent.name}/" for path in root.glob("textfn/*/__init__.py")}
    assert rooms <= listed


def test_the_examples_of_the_page_work(server: Server) -> None:
    page = server.get("/")
    assert page.headers["content-type"].startswith("text/html")
    found = re.search(rb"const EXAMPLES = (\[.*?\])\s*;\nconst at", page.body, re.DOTALL)
    assert found
    examples = json.loads(found[1])
    for example in examples:
        assert server.post(example["path"], example["body"]).status == 200
    assert len(examples) == 4


def lines(text: str) -> list[str]:
    return [line for line in textwrap.dedent(text).splitlines() if line.strip()]


CLIENTS = (TESTS.parent / "docs" / "clients.md").read_text("utf-8")
SNIPPETS = re.findall(r"^### (.*?)\n+```\w+\n(.*?)^```", CLIENTS, re.MULTILINE | re.DOTALL)
CLIENT_TESTS = [
    [line.strip() for line in lines(path.read_text("utf-8"))]
    for pattern in ("test_clients.py", "*.test.mjs", "clients/**/*.py", "clients/*.test.mjs")
    for path in TESTS.glob(pattern)
]


@pytest.mark.parametrize(("client", "snippet"), SNIPPETS, ids=[name for name, _ in SNIPPETS])
def test_a_client_is_pointed_here_as_its_test_does_it(client: str, snippet: str) -> None:
    wanted = [line.strip() for line in lines(snippet)]
    assert any(
        found[start : start + len(wanted)] == wanted
        for found in CLIENT_TESTS
        for start in range(len(found))
    )


def test_every_client_that_is_tested_is_in_the_docs() -> None:
    node = json.loads((TESTS / "clients" / "package.json").read_text())["dependencies"]
    python = (TESTS.parent / "requirements" / "clients.in").read_text().split()
    headings = " ".join(name for name, _ in SNIPPETS).split()
    assert {*node, *python, "cloudflare", "huggingface_hub", "openai"} - {"pytest"} <= {
        name.rstrip(",") for name in headings
    }


def test_no_list_of_requirements_says_where_a_package_comes_from() -> None:
    for path in (TESTS.parent / "requirements").iterdir():
        assert "://" not in path.read_text("utf-8")
    assert '"resolved"' not in (TESTS / "clients" / "package-lock.json").read_text("utf-8")


PLATFORMS = (TESTS.parent / "docs" / "platforms.md").read_text("utf-8")


@pytest.mark.parametrize("auth", ["none", "token"])
def test_the_python_of_the_platforms_starts_only_if_protected(auth: str) -> None:
    (snippet,) = re.findall(r"^```python\n(.*?)^```", PLATFORMS, re.MULTILINE | re.DOTALL)
    code = f"{snippet}\nassert callable(app)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"TEXTFN_AUTH": auth},
        capture_output=True,
        text=True,
    )
    assert (done.returncode == 0) == (auth == "none")
    assert ("NotProtected" in done.stderr) == (auth == "token")
