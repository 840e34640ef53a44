"""Models and texts as files for drive.c, and drive.c compiled in several ways."""

import os
import struct
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KERNELS = ROOT / "kernels"
# The compiler, whose version is pinned, has an environment of its own: `make test-kernels`.
ZIG = ROOT / ".venv-kernels" / "bin" / "python"
BUILT = ROOT / ".cache" / "kernels"
CONFIG = ("numerics", "layers", "heads", "first_only", "relative", "head")
FLAGS = "-std=gnu11 -O1 -g -ffp-contract=off -fno-math-errno -w"
SETS = {
    "avx512": "-march=x86-64-v4 -mavx512vnni",
    "avx2": "-march=x86-64-v3",
    "portable": "-march=x86-64",
}


def cross(name: str) -> Path:
    """drive.c for one of the libraries' platforms, by the pinned compiler."""
    folder = BUILT / "programs"
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(ZIG), str(KERNELS / "build.py"), str(folder), name]
    subprocess.run([*command, "--program", str(HERE / "drive.c")], check=True)
    return folder / name


@cache
def sanitized(kind: str) -> Path:
    """drive.c by this machine's gcc, with a sanitizer: "address,undefined" or "thread"."""
    folder = BUILT / kind
    folder.mkdir(parents=True, exist_ok=True)
    checks = f"-fsanitize={kind} -fno-sanitize-recover=all -I{KERNELS}"
    units = [(KERNELS / f"{name}.c", "") for name in ("encoder", "dispatch")]
    units += [(HERE / "drive.c", "")]
    units += [(KERNELS / "kernels.c", f"{SETS[each]} -DKERNELS=kernels_{each}") for each in SETS]
    objects = []
    for number, (source, options) in enumerate(units):
        objects.append(str(folder / f"{number}.o"))
        command = f"gcc {FLAGS} {checks} {options} -c {source} -o {objects[-1]}"
        subprocess.run(command.split(), check=True)
    program = folder / "drive"
    link = ["gcc", f"-fsanitize={kind}", *objects, "-lm", "-lpthread", "-o", str(program)]
    subprocess.run(link, check=True)
    return program


def write_model(path: Path, config: dict[str, Any], tensors: Sequence[NDArray[Any]]) -> None:
    shapes = [
        (1 if each.dtype == np.float32 else 3, each.ndim, each.shape[0], (*each.shape, 0)[1])
        for each in tensors
    ]
    with path.open("wb") as file:
        numbers = [config[name] for name in CONFIG]
        file.write(struct.pack("<6qf4xq", *numbers, config["epsilon"], len(tensors)))
        file.write(np.array(shapes, np.int64).tobytes())
        for each in tensors:
            file.write(np.ascontiguousarray(each).tobytes())


def write_graph(path: Path, graph: Path) -> None:
    """Write the model of a graph for our own kernels."""
    model = onnx.load(graph, load_external_data=True)
    values = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    node = model.graph.node[0]
    config = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    write_model(path, config, [values[name] for name in node.input[2:]])


def write_texts(path: Path, lengths: Sequence[int], ids: Sequence[int]) -> None:
    counts = np.array([len(lengths), len(ids)], np.int64).tobytes()
    numbers = np.array([*lengths, *ids], np.int64).astype(np.int32).tobytes()
    path.write_bytes(counts + numbers)


def drive(
    command: Sequence[str | Path], folder: Path, kernels: str = "", threads: int = 1
) -> subprocess.CompletedProcess[str]:
    """Run a program on model, texts -> rows of a folder."""
    files = [str(folder / name) for name in ("model", "texts", "rows")]
    return subprocess.run(
        [*map(str, command), *files, str(threads)],
        env=os.environ | {"TEXTFN_KERNELS": kernels},
        capture_output=True,
        text=True,
    )
