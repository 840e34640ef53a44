"""The wheel: what is in it, and that it works where there is no checkout."""

import ast
import json
import re
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from installed import ENVIRONMENT, ROOT, Installed, install, wheel_of
from running import serving

from shared.inference.library import Library
from shared.settings import Settings
from shared.version import VERSION
from textfn.layout import MOVED, into_package, out_of_package

GRAPHS = ("model.onnx", "model.kernels.onnx")
MODEL = ("MODEL_CARD.md", "manifest.toml", *GRAPHS, "tokenizer.json")
CATALOGUED = (
    "all-mpnet-base-v2",
    "bge-base-en-v1.5",
    "bge-large-en-v1.5",
    "bge-small-en-v1.5",
    "distilbert-sst-2-int8",
    "mfaq",
)
DATA = {
    "textfn/LICENSE",
    "textfn/THIRD_PARTY_NOTICES.md",
    "textfn/building/calibration.txt",
    "textfn/functions/examples.json",
    "textfn/functions/openapi.json",
    "textfn/functions/page.html",
    "textfn/pricing/prices.toml",
    "textfn/py.typed",
    "textfn/requirements/runtime.txt",
    *(f"textfn/{path.relative_to(ROOT)}" for path in ROOT.glob("shared/inference/kernels/*")),
    *(f"textfn/models/all-minilm-l6-v2/{name}" for name in MODEL),
    *(f"textfn/models/minilm-l6-sst2-int8/{name}" for name in MODEL),
    *(f"textfn/models/{name}/manifest.toml" for name in CATALOGUED),
}
SOURCES = [path for name in (*MOVED, "textfn") for path in sorted((ROOT / name).rglob("*.py"))]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel_of(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(wheel, tmp_path_factory.mktemp("installed"))


def contents(archive: Path) -> dict[str, int]:
    """The checksum of each file of a wheel."""
    with zipfile.ZipFile(archive) as wheel:
        return {each.filename: each.CRC for each in wheel.infolist()}


def test_a_wheel_has_one_package_with_the_sources_the_models_and_no_more(wheel: Path) -> None:
    sources = {path.relative_to(ROOT).as_posix() for path in SOURCES}
    moved = {name if name.startswith("textfn/") else f"textfn/{name}" for name in sources}
    left = {name for name in moved if name.startswith(("textfn/generating/", "textfn/training/"))}
    info = f"textfn-{VERSION}.dist-info"
    found = contents(wheel)
    assert {name for name in found if not name.startswith(info)} == moved - left | DATA
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(f"{info}/top_level.txt") == b"textfn\n"
        assert f"\nVersion: {VERSION}\n" in archive.read(f"{info}/METADATA").decode()


def test_a_wheel_of_the_source_distribution_is_the_same(wheel: Path, tmp_path: Path) -> None:
    code = "import sys, build_backend; build_backend.build_sdist(sys.argv[1])"
    command = [sys.executable, "-c", code, str(tmp_path)]
    subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=True, capture_output=True)
    (distribution,) = tmp_path.glob("*.tar.gz")
    assert contents(wheel_of(distribution, tmp_path / "wheel")) == contents(wheel)


def modules(content: bytes) -> Iterator[str]:
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_imports_of_a_module_are_renamed_and_nothing_else(path: Path) -> None:
    before = path.read_bytes()
    after = into_package(before)
    assert not {name.split(".")[0] for name in modules(after)} & set(MOVED)
    renamed = [
        f"textfn.{name}" if name.split(".")[0] in MOVED else name for name in modules(before)
    ]
    assert list(modules(after)) == renamed
    assert out_of_package(after) == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"from shared import errors\r\n", b"from textfn.shared import errors\r\n"),
        (b"if x:  from  shared.http import a", b"if x:  from  textfn.shared.http import a"),
        (b"'\xc3\xa9'; from shared import a", b"'\xc3\xa9'; from textfn.shared import a"),
        (b"import os, shared.http as web", b"import os, textfn.shared.http as web"),
        (b"from shared_memory import a", b"from shared_memory import a"),
        (b"from .shared import a", b"from .shared import a"),
        (b"'from shared import a'  # import shared", b"'from shared import a'  # import shared"),
        (b"shared = functions = 1", b"shared = functions = 1"),
    ],
)
def test_an_import_is_renamed_wherever_it_stands(before: bytes, after: bytes) -> None:
    assert into_package(before) == after
    assert out_of_package(after) == before


@pytest.mark.parametrize(
    "line", [b"import shared", b"import shared.http", b"from \\\n shared import a"]
)
def test_an_import_that_cannot_be_renamed_is_refused_with_its_line(line: bytes) -> None:
    with pytest.raises(ValueError, match="line 2: "):
        into_package(b"import os\n" + line)


@pytest.mark.parametrize("name", ["functions", "shared", "models", "tests", "build_backend"])
def test_only_textfn_can_be_imported(installed: Installed, name: str) -> None:
    assert installed.run("import textfn").returncode == 0
    assert f"No module named '{name}'" in installed.run(f"import {name}").stderr


def test_texts_are_embedded_as_in_the_checkout(installed: Installed) -> None:
    texts = ["This is a story about an orange cloud", "Une histoire."]
    done = installed.textfn("embed", *texts)
    vectors = [json.loads(line)["embedding"] for line in done.stdout.splitlines()]
    expected = Library(Settings.read()).of("text-embeddings")[None].embed(texts).values
    np.testing.assert_allclose(np.array(vectors, np.float32), expected, atol=1e-6)


def test_texts_are_classified_and_compared(installed: Installed) -> None:
    done = installed.textfn("classify", "This pizza is great!")
    assert json.loads(done.stdout)["labels"][0]["label"] == "POSITIVE"
    done = installed.textfn("similarity", "--source", "a happy person", "a happy dog", "rain")
    dog, rain = (json.loads(line)["score"] for line in done.stdout.splitlines())
    assert dog > rain


def test_the_guide_to_python_works(installed: Installed) -> None:
    guide = (ROOT / "docs" / "python.md").read_text("utf-8")
    script = "\n".join(re.findall(r"^```python\n(.*?)^```", guide, re.MULTILINE | re.DOTALL))
    done = installed.run(script + "\nprint(textfn.__version__)")
    assert (done.stdout, done.stderr) == (f"{VERSION}\n", "")


def test_requests_are_answered(installed: Installed) -> None:
    with serving(
        serve=[installed.command, "serve"],
        cwd=installed.folder,
        PYTHONPATH=ENVIRONMENT["PYTHONPATH"],
    ) as (url, _):
        for path, body in [
            ("/client/v4/accounts/me/ai/run/@cf/huggingface/distilbert-sst-2-int8", {"text": "ok"}),
            ("/models/sentence-transformers/all-minilm-l6-v2", {"inputs": ["a", "b"]}),
            ("/v1/embeddings", {"model": "all-minilm-l6-v2", "input": "hello world"}),
        ]:
            request = urllib.request.Request(url + path, json.dumps(body).encode())
            with urllib.request.urlopen(request) as answer:
                assert json.load(answer)
        for path in ("/", "/openapi.json", "/readyz"):
            with urllib.request.urlopen(url + path) as answer:
                assert answer.status == 200


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("models list", "bge-base-en-v1.5"),
        ("models verify", "minilm-l6-sst2-int8: right (3 files"),
        ("doctor", "each of the version that is pinned"),
        ("token new", "TEXTFN_TOKENS"),
        ("cost --tokens-per-second 3000", "Lambda"),
    ],
)
def test_a_command_works(installed: Installed, arguments: str, said: str) -> None:
    done = installed.textfn(*arguments.split())
    assert (done.returncode, said in done.stdout + done.stderr) == (0, True), done.stderr


def test_nothing_is_written_into_the_package(installed: Installed) -> None:
    def files() -> dict[Path, float]:
        found = (installed.packages / "textfn").rglob("*")
        return {path: path.stat().st_mtime for path in found if "__pycache__" not in path.parts}

    before = files()
    for arguments in (["embed", "a"], ["classify", "a"], ["models", "verify"], ["doctor"]):
        assert installed.textfn(*arguments).returncode == 0
    assert files() == before


def test_a_models_folder_that_cannot_be_written_is_told_with_the_setting(
    installed: Installed,
) -> None:
    tiny = str(ROOT / "tests" / "fixtures" / "models" / "tiny-embedder")
    done = installed.textfn("models", "add", tiny, TEXTFN_MODELS_DIR="/proc")
    assert done.returncode == 1
    assert ": set TEXTFN_MODELS_DIR to a folder of your own" in done.stderr


ASSEMBLE = """
import sys
from pathlib import Path
from textfn.bundling.assembly import assemble
from textfn.bundling.wheels import Target
from textfn.commands.bundle import parse
assemble(parse(sys.argv[1]), [], Target(sys.argv[2], "x86_64"), Path(sys.argv[3]))
"""


@pytest.mark.parametrize("name", ["catalogue", "text-embeddings=all-minilm-l6-v2"])
def test_a_bundle_is_the_same_as_from_the_checkout(
    installed: Installed, name: str, tmp_path: Path
) -> None:
    python = ".".join(map(str, sys.version_info[:2]))
    here, there = tmp_path / "checkout", tmp_path / "wheel"
    there.mkdir()
    done = installed.run(ASSEMBLE, name, python, str(there))
    assert done.returncode == 0, done.stderr
    here.mkdir()
    checkout = [sys.executable, "-c", ASSEMBLE, name, python, str(here)]
    environment = ENVIRONMENT | {"PYTHONPATH": str(ROOT)}
    subprocess.run(checkout, cwd=ROOT, env=environment, check=True)

    def files(folder: Path) -> dict[str, bytes]:
        found = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}

    assert "functions/page.py" in files(here) or "functions/text_embeddings.py" in files(here)
    assert files(there) == files(here)
