"""Run the core of the suite on an installed wheel, in a folder without the code: `make test-wheel`.

The core tests the answers over HTTP, the models, the settings, and the commands that serve them. It
leaves out the tests that read the checkout itself (architecture, templates, containers), those that
build a model, which need benchmarks/, and the hostile ones, which take long and send what the
core's tests of errors send.

The tests run from a copy that imports `textfn.shared` for `shared`. They also give code to other
processes as text, so a pattern renames the imports here. Code that is shipped is parsed instead.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from installed import ENVIRONMENT, ROOT, TESTS, install, wheel_of

COMMANDS = ("ask", "cost", "doctor", "evaluate", "models", "serve", "token")
CORE = (
    "tests/functions",
    "tests/shared",
    "tests/test_clients.py",
    "tests/test_documents.py",
    "tests/test_examples.py",
    *(f"tests/textfn/commands/test_{name}.py" for name in COMMANDS),
)
# The files of the checkout that these tests read beside the code.
READ = ("benchmarks/sentences.txt", "docs", "examples", "functions/openapi.json", "README.md")
IMPORTED = re.compile(r"(\bfrom |\bimport |[\"'])(functions|shared)(?=\.[a-z_]+| import )")


def main(options: list[str]) -> int:
    with tempfile.TemporaryDirectory() as name:
        installed = install(wheel_of(ROOT, Path(name)), Path(name))
        copy(installed.folder)
        (installed.folder / "models").symlink_to(installed.packages / "textfn" / "models")
        # -P keeps the folder itself off the path of modules.
        command = [installed.python, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["-c", "pyproject.toml", "-o", "pythonpath=", *options, *CORE]
        return subprocess.run(command, cwd=installed.folder, env=ENVIRONMENT).returncode


def copy(folder: Path) -> None:
    """Write the tests and what they read into a folder."""
    shutil.copytree(TESTS, folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder / "tests").rglob("*.py"):
        path.write_text(IMPORTED.sub(r"\1textfn.\2", path.read_text("utf-8")), "utf-8")
    for name in (*READ, "pyproject.toml"):
        source, destination = ROOT / name, folder / name
        destination.parent.mkdir(exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, destination)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
