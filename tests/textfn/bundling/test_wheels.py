"""Which wheels go into a bundle, and what of them."""

from pathlib import Path

import pytest
from bundles import HERE

from textfn.bundling import wheels
from textfn.bundling.wheels import Target, WheelError, is_kept, pins


@pytest.mark.parametrize(
    "name",
    [
        "anyio/_backends/_asyncio.py",  # imported by its name, on the first request
        "numpy/_core/_multiarray_umath.cpython-313-x86_64-linux-gnu.so",
        "numpy/linalg/_umath_linalg.cpython-313-x86_64-linux-gnu.so",
        "numpy/_pytesttester.py",  # imported by numpy itself
        "numpy/typing/__init__.py",
        "numpy.libs/libscipy_openblas64_-4b78795a.so",
        "onnxruntime/capi/libonnxruntime_providers_shared.so",  # without it: a warning a start
        "onnxruntime/capi/onnxruntime_pybind11_state.cpython-313-x86_64-linux-gnu.so",
        "tokenizers/tokenizers.abi3.so",
    ],
)
def test_what_runs_is_kept(name: str) -> None:
    assert is_kept(name)


@pytest.mark.parametrize(
    "name",
    [
        "numpy/lib/tests/test_io.py",
        "numpy/random/mtrand.so",
        "numpy/_core/_simd.cpython-313-aarch64-linux-gnu.so",
        "onnxruntime/capi/libonnxruntime.so.1.31.1",
        "onnxruntime/transformers/models/bert.py",
        "tokenizers/__init__.pyi",
        "starlette/testclient.py",
    ],
)
def test_what_never_runs_is_dropped(name: str) -> None:
    assert not is_kept(name)


def test_a_pin_is_chosen_for_the_target_and_not_for_the_python_that_bundles() -> None:
    old, new = (pins(["numpy"], Target(python, "x86_64"))[0] for python in ("3.11", "3.13"))
    assert old.split()[0] != new.split()[0]
    assert old.startswith("numpy==") and "--hash=sha256:" in old


def test_a_package_without_a_pin_is_refused() -> None:
    with pytest.raises(WheelError, match="does not pin leftpad"):
        pins(["leftpad"], HERE)


def test_a_marker_that_cannot_be_judged_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "runtime.txt"
    file.write_text("numpy==2 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n")
    monkeypatch.setattr(wheels, "REQUIREMENTS", file)
    with pytest.raises(WheelError, match="sys_platform"):
        pins(["numpy"], HERE)
