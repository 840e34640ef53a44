"""Assembles a function's folder, as AWS unzips it."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.manifest import Manifest
from shared.names import Catalogue
from shared.settings import Settings
from textfn.bundling.inventory import third_party
from textfn.bundling.wheels import Target, Wheel
from textfn.failure import Failure
from textfn.layout import ROOT, source

CATALOGUE = "catalogue"
WEB = ("anyio", "mangum", "orjson", "starlette", "typing-extensions")
MODEL = ("numpy", "onnxruntime", "tokenizers")
DATA = {CATALOGUE: ("examples.json", "openapi.json", "page.html")}
KERNELS = ROOT / "shared" / "inference" / "kernels"
# Where AWS puts a function, so that a traceback from there names its files.
ON_AWS = "/var/task"


class BundleError(Failure):
    """There is no bundle."""


@dataclass(frozen=True)
class Bundle:
    """A function by its task, and the model it opens; the catalogue opens none."""

    task: str
    model: Manifest | None

    @property
    def name(self) -> str:
        return f"{self.task}-{self.model.id}" if self.model else self.task

    @property
    def module(self) -> str:
        return f"functions.{self.task.replace('-', '_')}"

    @property
    def packages(self) -> tuple[str, ...]:
        return (*MODEL, *WEB) if self.model else WEB


def assemble(bundle: Bundle, wheels: Sequence[Wheel], target: Target, folder: Path) -> None:
    """Write packages, our modules, models, licences and bytecode into an empty folder.

    Raises BundleError.
    """
    for wheel in wheels:
        wheel.unpack(folder)
    for module in needed(bundle.module):
        _write(source(module), module, folder)
    for name in DATA.get(bundle.task, ()):
        path = ROOT / "functions" / name
        _write(path.read_bytes(), path, folder)
    if bundle.model:
        path = KERNELS / f"textfn-linux-{target.machine}.so"
        _write(path.read_bytes(), path, folder)
    for manifest in Catalogue.read(Settings.read()):
        _copy_model(manifest, bundle, folder / "models" / manifest.folder.name)
    (folder / "THIRD_PARTY.txt").write_text(third_party(wheels), "utf-8")
    compile_all(target, folder)


def needed(module: str) -> set[Path]:
    """Return the files of functions/ and shared/ that a module imports, at once or later."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = ROOT.joinpath(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if name.split(".")[0] not in ("functions", "shared") or not path.exists() or path in found:
            continue
        found.add(path)
        waiting.append(name.rpartition(".")[0])
        for node in ast.walk(ast.parse(source(path))):
            if isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
            elif isinstance(node, ast.Import):
                waiting += [each.name for each in node.names]
    return found


def _write(content: bytes, path: Path, folder: Path) -> None:
    destination = folder / path.relative_to(ROOT)
    destination.parent.mkdir(parents=True, exist_ok=True)
    destination.write_bytes(content)


def _copy_model(manifest: Manifest, bundle: Bundle, folder: Path) -> None:
    """Copy the function's own model; of the others the manifests, to say that they are not here."""
    names = ["manifest.toml"]
    if bundle.model and manifest.folder == bundle.model.folder:
        names += [*manifest.sha256, "MODEL_CARD.md"]
    folder.mkdir(parents=True)
    for name in names:
        if (manifest.folder / name).exists():
            shutil.copyfile(manifest.folder / name, folder / name)


def compile_all(target: Target, folder: Path) -> None:
    """Write bytecode beside the sources, never checked against them: /var/task is read-only."""
    if not (python := interpreter(target.python)):
        return
    command = [python, "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", ON_AWS, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BundleError(
            f"{python} cannot compile the bundle: {(done.stdout + done.stderr).strip()}"
        )


def interpreter(python: str) -> str | None:
    """Return a command that is this minor version, from PATH or pyenv."""
    if python == ".".join(map(str, sys.version_info[:2])):
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which(f"python{python}"), *sorted(pyenv.glob(f"{python}.*/bin/python"))]
    check = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{python}')"
    for candidate in [str(each) for each in found if each]:
        if subprocess.run([candidate, "-c", check], capture_output=True).returncode == 0:
            return candidate  # pyenv's shims are on PATH for versions that are not chosen
    return None
