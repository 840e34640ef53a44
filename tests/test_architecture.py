"""Three storeys, two wings: imports go down only, no circle, and a library has one user."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from conftest import TESTS

ROOT = TESTS.parent

# From the top: a module imports from its own storey and from those below it.
STOREYS = ("textfn", "functions", "shared")
# Inside shared/, a module imports from its own wing, from the modules that both stand on, and from
# what its wing is allowed of the other.
GROUND = {"shared"} | {
    f"shared.{name}"
    for name in ("names", "manifest", "manifest_checks", "errors", "shown", "settings", "version")
}
WINGS = {
    "shared.http": {"shared.inference.cache", "shared.inference.result"},
    "shared.inference": set(),
}
# Rooms of textfn/ that know nothing of each other.
APART = [("textfn.building", "textfn.bundling")]
# What a person types: textfn.words imports them by name, when they are called.
COMMANDS = "textfn.commands"

ONLY_USERS = {
    "onnxruntime": {"shared.inference.session"},
    "tokenizers": {f"shared.inference.{name}" for name in ("tokenization", "part", "endless")},
    "mangum": {"shared.http.lambda_adapter"},
    "starlette": {"shared.http", "functions"},
}


def modules_of(root: Path) -> dict[str, Path]:
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for storey in STOREYS
        for path in sorted((root / storey).rglob("*.py"))
    }


MODULES = modules_of(ROOT)
SERVED = [name for name in MODULES if name.split(".")[0] in ("functions", "shared")]


def imports(path: Path, known: Mapping[str, Path] = MODULES) -> set[str]:
    """Every module that a file imports, at once or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else node.module for name in names}
    return found


def ancestors(module: str) -> set[str]:
    parts = module.split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts) + 1)}


def forbidden(module: str, imported: str) -> bool:
    """Whether an import goes up, or from one wing or room into another."""
    here, there = (STOREYS.index(each.split(".")[0]) for each in (module, imported))
    if there < here:
        return True
    for room, other in [*APART, *((b, a) for a, b in APART)]:
        if room in ancestors(module) and other in ancestors(imported):
            return True
    if COMMANDS in ancestors(imported):
        return COMMANDS not in ancestors(module)
    if module in GROUND:
        return imported not in GROUND
    wing = next((each for each in WINGS if each in ancestors(module)), None)
    if wing is None or imported in GROUND or wing in ancestors(imported):
        return False
    return imported not in WINGS[wing]


def wrong_imports(modules: Mapping[str, Path]) -> list[str]:
    return [
        f"{module} imports {imported}"
        for module, path in modules.items()
        for imported in sorted(imports(path, modules))
        if imported.split(".")[0] in (*STOREYS, "tests", "benchmarks")
        if imported.split(".")[0] not in STOREYS or forbidden(module, imported)
    ]


def circles(modules: Mapping[str, Path]) -> list[list[str]]:
    """Modules that import each other, directly or by way of others (Tarjan's components)."""
    graph = {
        name: imports(path, modules) & modules.keys() - {name} for name, path in modules.items()
    }
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(name: str) -> Iterator[list[str]]:
        number[name] = low[name] = len(number)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in number:
                yield from visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == number[name]:
            component = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(component) > 1:
                yield sorted(component)

    return [each for name in graph if name not in number for each in visit(name)]


def test_imports_go_down_and_stay_in_their_wing() -> None:
    assert wrong_imports(MODULES) == []


def test_nothing_imports_itself_by_way_of_others() -> None:
    assert circles(MODULES) == []


@pytest.mark.parametrize(
    ("file", "line", "fault"),
    [
        ("shared/errors.py", "from functions import page", "shared.errors imports functions.page"),
        (
            "shared/errors.py",
            "import shared.http.access",
            "shared.errors imports shared.http.access",
        ),
        (
            "shared/inference/cache.py",
            "def late() -> None:\n    from shared.http import access",
            "shared.inference.cache imports shared.http.access",
        ),
        (
            "shared/http/access.py",
            "from shared.inference import model",
            "shared.http.access imports shared.inference.model",
        ),
        ("functions/page.py", "import textfn", "functions.page imports textfn"),
        (
            "textfn/bundling/wheels.py",
            "from textfn.building import build",
            "textfn.bundling.wheels imports textfn.building.build",
        ),
        (
            "textfn/installing/staging.py",
            "from textfn.commands import pull",
            "textfn.installing.staging imports textfn.commands.pull",
        ),
    ],
)
def test_a_wrong_import_is_found(file: str, line: str, fault: str, tmp_path: Path) -> None:
    modules = dict(MODULES)
    module = file.removesuffix(".py").replace("/", ".")
    changed = tmp_path / "changed.py"
    changed.write_text(f"{(ROOT / file).read_text('utf-8')}\n{line}\n", "utf-8")
    modules[module] = changed
    assert fault in wrong_imports(modules)


def test_a_circle_is_found(tmp_path: Path) -> None:
    changed = tmp_path / "changed.py"
    changed.write_text("from shared.names import key\n", "utf-8")
    found = circles({**MODULES, "shared.errors": changed})
    assert any({"shared.errors", "shared.names"} <= set(each) for each in found)


@pytest.mark.parametrize("module", SERVED)
def test_a_library_has_one_user(module: str) -> None:
    roots = {name.split(".")[0] for name in imports(MODULES[module])}
    for library, users in ONLY_USERS.items():
        assert library not in roots or ancestors(module) & users


def test_no_folder_is_a_drawer() -> None:
    folders = {path.parent for path in MODULES.values()}
    crowded = {
        folder.relative_to(ROOT).as_posix(): count
        for folder in folders
        if (count := len(list(folder.glob("*.py")))) > 15
    }
    assert crowded == {}


def test_no_file_of_the_service_is_longer_than_250_lines() -> None:
    lengths = {name: len(MODULES[name].read_text("utf-8").splitlines()) for name in SERVED}
    assert {name: length for name, length in lengths.items() if length > 250} == {}


def test_the_catalogue_opens_no_model_and_imports_nothing_that_could() -> None:
    code = "import sys, functions.catalogue; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "onnxruntime", "tokenizers"} & set(done.stdout.split())


@pytest.mark.parametrize("name", ["text_embeddings", "text_classification", "sentence_similarity"])
def test_a_handler_file_is_one_screen(name: str) -> None:
    assert len((ROOT / "functions" / f"{name}.py").read_text("utf-8").splitlines()) <= 100


def test_telemetry_of_the_runtime_is_off_before_it_is_imported() -> None:
    code = "import shared.inference.model, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
