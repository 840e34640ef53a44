"""A wheel of this checkout, and an environment with that wheel and without the checkout."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
QUIETLY = ["--quiet", "--no-deps"]
# It keeps the guard against the network, and has no path of the checkout.
ENVIRONMENT = {name: value for name, value in os.environ.items() if "TEXTFN" not in name} | {
    "PYTHONPATH": str(TESTS / "guard")
}


def wheel_of(source: Path, folder: Path) -> Path:
    """Build a wheel of a checkout or of a source distribution, without a network."""
    command = [*PIP, "wheel", *QUIETLY, "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*command, str(source)], check=True, env=ENVIRONMENT)
    (wheel,) = folder.glob("*.whl")
    return wheel


class Installed(NamedTuple):
    """An environment of its own with the wheel, and an empty folder to work in.

    The packages it depends on are the ones of the environment that runs the tests. Python looks
    for modules there, but does not run its .pth files: one of them leads to the checkout.
    """

    environment: Path
    folder: Path

    @property
    def python(self) -> str:
        return str(self.environment / "bin" / "python")

    @property
    def command(self) -> str:
        return str(self.environment / "bin" / "textfn")

    @property
    def packages(self) -> Path:
        (found,) = self.environment.glob("lib/python3*/site-packages")
        return found

    def textfn(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return self._run([self.command, *arguments], settings)

    def run(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run([self.python, "-c", code, *arguments], {})

    def _run(
        self, command: list[str], settings: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        environment = ENVIRONMENT | settings
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True
        )


def install(wheel: Path, folder: Path) -> Installed:
    installed = Installed(folder / "environment", folder / "empty")
    installed.folder.mkdir(parents=True)
    venv.create(installed.environment, symlinks=True)
    command = [PIP[0], "-m", "pip", "--python", installed.python, "install", "--no-index"]
    subprocess.run([*command, *QUIETLY, str(wheel)], check=True, env=ENVIRONMENT)
    lines = "\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    (installed.packages / "of-the-tests.pth").write_text(lines)
    return installed
