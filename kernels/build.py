"""Compile the libraries of kernels with the clang of the PyPI package ziglang.

`python kernels/build.py FOLDER [NAME ...]` writes them into a folder. The bytes do not depend on
the machine, so a test compares them with those that are committed in shared/inference/kernels.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent
COMPILER = [sys.executable, "-m", "ziglang", "cc"]
# Without -ffp-contract=off the compiler merges multiplications and additions where it likes.
FLAGS = ["-std=gnu11", "-O3", "-fPIC", "-g0", "-ffp-contract=off", "-fno-math-errno"]
FLAGS += ["-fvisibility=hidden", "-fno-sanitize=all", "-Wall", "-Wextra", "-Werror"]

# An instruction set and the flags for kernels.c; the other files are compiled as for `portable`.
X86 = {
    "avx512": ["-mcpu=x86_64_v4+avx512vnni", "-mprefer-vector-width=512"],
    "avx2": ["-mcpu=x86_64_v3"],
    "portable": ["-mcpu=x86_64"],
}
ARM = {
    "i8mm": ["-mcpu=generic+dotprod+i8mm"],
    "dotprod": ["-mcpu=generic+dotprod"],
    "portable": ["-mcpu=generic"],
}


@dataclass(frozen=True)
class Target:
    """A platform: zig's name for it, with the oldest glibc or macOS."""

    triple: str
    sets: dict[str, list[str]]


TARGETS = {
    "textfn-linux-x86_64.so": Target("x86_64-linux-gnu.2.26", X86),
    "textfn-linux-aarch64.so": Target("aarch64-linux-gnu.2.26", ARM),
    "textfn-darwin-x86_64.dylib": Target("x86_64-macos.11.0", X86),
    "textfn-darwin-arm64.dylib": Target("aarch64-macos.11.0", ARM),
}


def build(name: str, folder: Path, programs: Sequence[Path] = ()) -> Path:
    """Compile one library into the folder and return its path.

    With `programs`, C files with a `main`, the result is a program for the same platform instead.
    """
    target, path = TARGETS[name], folder / name
    # A program needs no libraries with musl, so an emulator can run it.
    triple = f"{target.triple.partition('gnu')[0]}musl" if programs else target.triple
    base = [*COMPILER, "-target", triple, *FLAGS, "-I", str(SOURCES)]
    plain = [SOURCES / "encoder.c", SOURCES / "dispatch.c"]
    plain += programs or [SOURCES / "custom_op.c"]
    commands = [[*target.sets["portable"], str(each)] for each in plain]
    for each, flags in target.sets.items():
        commands.append([*flags, f"-DKERNELS=kernels_{each}", str(SOURCES / "kernels.c")])
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        objects = [str(Path(temporary) / f"{number}.o") for number in range(len(commands))]
        for command, written in zip(commands, objects, strict=True):
            _run([*base, *command, "-c", "-o", written])
        linked = str(Path(temporary) / name)
        options = [] if programs else ["-shared", _name(name)]
        _run([*COMPILER, "-target", triple, *options, "-s", *objects, "-o", linked])
        Path(linked).replace(path)
    return path


def _name(name: str) -> str:
    """The option that keeps the path of the build out of the library."""
    return f"-Wl,-install_name,@rpath/{name}" if name.endswith(".dylib") else f"-Wl,-soname,{name}"


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Compile the libraries of kernels.")
    parser.add_argument("folder", type=Path, help="where to write them")
    parser.add_argument("names", nargs="*", default=list(TARGETS), help="which ones; all of them")
    parser.add_argument("--program", type=Path, action="append", default=[], metavar="FILE.c")
    options = parser.parse_args(arguments)
    for name in options.names:
        print(build(name, options.folder, options.program))


if __name__ == "__main__":
    main()
