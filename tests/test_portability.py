"""Windows has no fcntl: nothing may import it before a file is locked."""

import subprocess
import sys

import pytest
from test_architecture import MODULES

IMPORT = """
import importlib, sys
sys.modules["fcntl"] = None  # as where there is none
sys.path.insert(0, ".")
for name in sys.argv[1:]:
    importlib.import_module(name)
"""
# The training of our own model runs on a machine with torch; the rest is for laptops.
LAPTOP = [name for name in MODULES if not name.startswith("textfn.training")]


@pytest.mark.parametrize("storey", ["shared", "functions", "textfn"])
def test_every_module_imports_without_fcntl(storey: str) -> None:
    names = [name for name in LAPTOP if name.split(".")[0] == storey]
    command = [sys.executable, "-c", IMPORT, *names]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
