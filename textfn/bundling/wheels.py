"""Downloads the pinned run-time packages as wheels, and selects the files of them that run."""

import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path

from textfn import layout
from textfn.failure import Failure
from textfn.layout import ROOT

REQUIREMENTS = ROOT / "requirements" / "runtime.txt"
CACHE = layout.CACHE / "wheels"

# AWS's python3.12 and later run on Amazon Linux 2023, whose glibc is 2.34.
GLIBC = range(34, 16, -1)

# Files that never run, and why. A file stays unless a line here names it: a library may import it
# on some later request. Nothing is stripped: `strip` breaks the
# OpenBLAS of numpy's wheels.
DROPPED = {
    "onnxruntime/capi/libonnxruntime.so.*": "a second copy; the extension module has its own",
    "onnxruntime/transformers/*": "builds models",
    "onnxruntime/quantization/*": "builds models",
    "onnxruntime/tools/*": "builds models",
    "onnxruntime/backend/*": "needs onnx",
    "onnxruntime/datasets/*": "examples",
    "onnxruntime/capi/convert_npz_to_onnx_adapter.py": "builds models",
    "onnxruntime/LICENSE": "in THIRD_PARTY.txt",
    "onnxruntime/ThirdPartyNotices.txt": "in THIRD_PARTY.txt",
    "onnxruntime/Privacy.md": "about telemetry, which is off",
    "numpy/_core/_simd.*": "tests numpy",
    "numpy/_core/*_tests.*": "tests numpy",
    "numpy/_core/include/*": "compiles extensions",
    "numpy/_core/lib/*": "compiles extensions",
    "numpy/_pyinstaller/*": "for PyInstaller",
    "numpy/f2py/*": "compiles Fortran",
    "numpy/fft/*": "numpy imports it when asked for; nobody asks",
    "numpy/ma/*": "numpy imports it when asked for; nobody asks",
    "numpy/polynomial/*": "numpy imports it when asked for; nobody asks",
    "numpy/random/*": "numpy imports it when asked for; nobody asks",
    "numpy/testing/*": "tests",
    "numpy/linalg/lapack_lite.*": "linear algebra where there is no OpenBLAS",
    "numpy/typing/mypy_plugin.py": "needs mypy",
    "tokenizers/tools/*": "draws tokens in a notebook",
    "anyio/_backends/_trio.py": "needs trio",
    "anyio/pytest_plugin.py": "needs pytest",
    "starlette/templating.py": "needs jinja2",
    "starlette/testclient.py": "needs httpx2",
    "*/tests/*": "tests",
    "*/conftest.py": "tests",
    "*.pyi": "types",
    "*/py.typed": "types",
    "*.pxd": "compiles extensions",
    "*.pyx": "compiles extensions",
    "*.dist-info/licenses/*": "in THIRD_PARTY.txt",
    "*.dist-info/sboms/*": "in the bundle's bill of materials",
    "*.dist-info/RECORD": "for an installer",
    "*.dist-info/WHEEL": "for an installer",
    "*.dist-info/entry_points.txt": "for an installer",
    "*.dist-info/top_level.txt": "for an installer",
}
LICENCES = ("*.dist-info/licenses/*", "onnxruntime/LICENSE", "onnxruntime/ThirdPartyNotices.txt")
SBOMS = ("*.dist-info/sboms/*.json",)


class WheelError(Failure):
    """No wheel, or one that is not as pinned."""


@dataclass(frozen=True)
class Target:
    """A Python, "3.13", and a processor as AWS names it, "x86_64" or "arm64"."""

    python: str
    arch: str

    @property
    def machine(self) -> str:
        """The processor as Python and wheels name it."""
        return {"arm64": "aarch64"}.get(self.arch, self.arch)


@dataclass(frozen=True)
class Wheel:
    """A package's archive. `file` is named <name>-<version>-<tags>.whl (PEP 427)."""

    file: Path

    @property
    def metadata(self) -> Message:
        return HeaderParser().parsestr(self._texts(("*.dist-info/METADATA",))[0])

    @property
    def name(self) -> str:
        return str(self.metadata["Name"])

    @property
    def version(self) -> str:
        return str(self.metadata["Version"])

    @property
    def licence(self) -> str:
        """An SPDX expression where the package gives one, or its own words."""
        given = self.metadata["License-Expression"] or self.metadata["License"]
        prefix = "License :: OSI Approved :: "
        classifiers = self.metadata.get_all("Classifier", [])
        names = [each.removeprefix(prefix) for each in classifiers if each.startswith(prefix)]
        return given or " or ".join(names)

    @property
    def licences(self) -> list[str]:
        return self._texts(LICENCES)

    @property
    def sboms(self) -> list[str]:
        """What the package itself was made of (PEP 770), in CycloneDX's JSON."""
        return self._texts(SBOMS)

    def unpack(self, folder: Path) -> list[str]:
        """Write what runs, and return the names of the files."""
        with zipfile.ZipFile(self.file) as archive:
            members = [each for each in archive.namelist() if is_kept(each)]
            for member in members:
                archive.extract(member, folder)
        return members

    def _texts(self, patterns: Sequence[str]) -> list[str]:
        with zipfile.ZipFile(self.file) as archive:
            return [
                archive.read(name).decode("utf-8", "replace")
                for name in sorted(archive.namelist())
                if not name.endswith("/") and any(fnmatchcase(name, each) for each in patterns)
            ]


def is_kept(name: str) -> bool:
    return not name.endswith("/") and not any(fnmatchcase(name, each) for each in DROPPED)


def download(names: Sequence[str], target: Target, cache: Path = CACHE) -> list[Wheel]:
    """Return one wheel per package, in the order of the names. Raises WheelError.

    A wheel in the cache is checked against its hash too, and used without a network.
    """
    if not find_spec("pip"):
        raise WheelError(
            "pip is missing beside textfn and downloads the packages: install it there, "
            "with uv by `uv tool install --with pip textfn`"
        )
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as name:
        folder = Path(name)
        (folder / "requirements.txt").write_text("\n".join(pins(names, target)))
        known = _pip(["--no-index", "--find-links", str(cache)], folder, target)
        done = known if known.returncode == 0 else _pip([], folder, target)
        if done.returncode:
            reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise WheelError(
                f"no wheels for Python {target.python} on {target.arch}: {reasons[-1:] or 'pip'}"
            )
        files = [file.replace(cache / file.name) for file in folder.glob("*.whl")]
    found = {_canonical(file.name.split("-")[0]): Wheel(file) for file in files}
    return [found[name] for name in names]


def pins(names: Sequence[str], target: Target) -> list[str]:
    """Return the lines of requirements/runtime.txt for these packages: a version and its hashes.

    pip would judge a marker by the Python it runs on, so it is judged here, for the target.
    Raises WheelError.
    """
    text = REQUIREMENTS.read_text("utf-8").replace("\\\n", " ")
    chosen = {}
    for line in text.splitlines():
        requirement, marker, hashes = _LINE.match(line).groups()  # type: ignore[union-attr]
        name = _canonical(requirement.split("==")[0])
        if name in names and _holds(marker or "", target):
            chosen[name] = f"{requirement} {hashes}"
    if missing := [name for name in names if name not in chosen]:
        raise WheelError(f"{REQUIREMENTS} does not pin {', '.join(missing)}")
    return [chosen[name] for name in names]


_LINE = re.compile(r"(\S+?==\S+)\s*(?:;\s*(.*?))?\s*(--hash=.*)")
_MARKER = re.compile(r"python_full_version (<|>=) '(\d+)\.(\d+)'")


def _holds(marker: str, target: Target) -> bool:
    """Tell whether an environment marker (PEP 508) is true on the target. Raises WheelError."""
    if not marker:
        return True
    if not (match := _MARKER.fullmatch(marker)):
        raise WheelError(f"{REQUIREMENTS}: a bundle cannot judge the marker {marker}")
    python, bound = _numbers(target.python), (int(match[2]), int(match[3]))
    return python < bound if match[1] == "<" else python >= bound


def _numbers(python: str) -> tuple[int, ...]:
    return tuple(map(int, python.split(".")))


def _pip(options: Sequence[str], folder: Path, target: Target) -> subprocess.CompletedProcess[str]:
    platforms = [f"manylinux_2_{minor}_{target.machine}" for minor in GLIBC]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", str(folder)]
    command += ["--implementation", "cp", "--python-version", target.python, *options]
    command += [part for each in platforms for part in ("--platform", each)]
    command += ["--platform", f"manylinux2014_{target.machine}"]
    command += ["--requirement", str(folder / "requirements.txt")]
    return subprocess.run(command, capture_output=True, text=True)


def _canonical(name: str) -> str:
    """Return the one spelling of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
