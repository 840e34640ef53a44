"""Compile the library of kernels for every platform, with the clang of the PyPI package ziglang.

`python kernels/build.py [FOLDER] [TARGET ...]` writes TARGET's library into FOLDER (shared/inference/kernels).
"""
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
FLAGS = "-std=gnu11 -O3 -fPIC -ffp-contract=off -fno-math-errno -fvisibility=hidden -Wall -Wextra -Werror -g0 -fno-sanitize=all".split()
ZIG = [sys.executable, "-m", "ziglang", "cc"]
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
TARGETS = {
    "linux-x86_64.so": ("x86_64-linux-gnu.2.26", X86),
    "linux-aarch64.so": ("aarch64-linux-gnu.2.26", ARM),
    "darwin-x86_64.dylib": ("x86_64-macos.11.0", X86),
    "darwin-arm64.dylib": ("aarch64-macos.11.0", ARM),
}


def build(name: str, folder: Path, extra: list[str] = []) -> None:
    target, sets = TARGETS[name]
    with tempfile.TemporaryDirectory() as temporary:
        objects = []
        units = [("encoder", [], []), ("dispatch", [], []), ("custom_op", [], [])]
        units += [("kernels", flags, [f"-DKERNELS=kernels_{each}", f"-DNAME_={each}"]) for each, flags in sets.items()]
        first = next(iter(reversed(sets.values())))
        for number, (unit, flags, defines) in enumerate(units):
            out = Path(temporary) / f"{number}.o"
            objects.append(str(out))
            subprocess.run([*ZIG, "-target", target, *FLAGS, *(flags or first), *defines, *extra, "-c", str(HERE / f"{unit}.c"), "-o", str(out)], check=True)
        subprocess.run([*ZIG, "-target", target, *extra, "-shared", "-s", *objects, "-o", str(folder / f"textfn-{name}"), *(["-Wl,--build-id=none"] if "linux" in target else [])], check=True)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for name in sys.argv[2:] or TARGETS:
        build(name, folder)
