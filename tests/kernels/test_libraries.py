"""The committed libraries are what the sources give, byte for byte."""

import subprocess
from pathlib import Path

import pytest
from programs import KERNELS, ROOT, ZIG

LIBRARIES = sorted((ROOT / "shared" / "inference" / "kernels").iterdir())


def test_each_platform_has_a_library() -> None:
    assert [path.name for path in LIBRARIES] == [
        "textfn-darwin-arm64.dylib",
        "textfn-darwin-x86_64.dylib",
        "textfn-linux-aarch64.so",
        "textfn-linux-x86_64.so",
    ]


@pytest.mark.parametrize("path", LIBRARIES, ids=lambda path: path.name)
def test_a_library_is_built_again_byte_for_byte(path: Path, tmp_path: Path) -> None:
    command = [str(ZIG), str(KERNELS / "build.py"), str(tmp_path), path.name]
    subprocess.run(command, check=True)
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()
