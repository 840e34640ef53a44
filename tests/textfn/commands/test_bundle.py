"""What goes into a bundle and how it is packed; tests/lambda runs whole ones."""

import json
import os
import stat
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from textfn.__main__ import main
from textfn.bundling import wheels
from textfn.bundling.archive import write_zip
from textfn.bundling.assembly import Bundle, assemble, interpreter, needed
from textfn.bundling.inventory import (
    MOST_UNZIPPED,
    TooBig,
    bill_of_materials,
    check_size,
    check_upload,
)
from textfn.bundling.wheels import ROOT, Target, Wheel, WheelError, is_kept, pins
from textfn.commands.bundle import parse

HERE = Target(".".join(map(str, sys.version_info[:2])), "x86_64")
METADATA = "Metadata-Version: 2.4\nName: Small_Package\nVersion: 1.2\nLicense-Expression: MIT\n"
CRATE = {"type": "library", "name": "a-crate", "version": "3", "purl": "pkg:cargo/a@3?file:///home"}

SITE = sysconfig.get_path("purelib")


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    contents = {
        "small/__init__.py": "NAME = 'small'\n",
        "small/tests/test_it.py": "",
        "small/types.pyi": "",
        "small_package-1.2.dist-info/METADATA": METADATA,
        "small_package-1.2.dist-info/RECORD": "",
        "small_package-1.2.dist-info/licenses/LICENSE": "Do as you please.",
        "small_package-1.2.dist-info/sboms/a.json": json.dumps({"components": [CRATE]}),
    }
    file = tmp_path / "small_package-1.2-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return Wheel(file)


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


def test_a_function_takes_what_it_imports_and_no_more() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in needed("functions.sentence_similarity")}
    assert {"functions/text_embeddings.py", "functions/tokenize.py"} <= names
    assert {
        "shared/inference/model.py",
        "shared/http/dialects/tei.py",
        "shared/__init__.py",
    } <= names
    assert not {"functions/local.py", "functions/page.py", "functions/catalogue.py"} & names
    catalogue = {path.name for path in needed("functions.catalogue")}
    assert {"page.py", "redirects.py"} <= catalogue
    assert not {"model.py", "library.py", "tokenization.py"} & catalogue


def built(bundle: Bundle, wheel: Wheel, folder: Path) -> list[str]:
    folder.mkdir()
    assemble(bundle, [wheel], HERE, folder)
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_bundle_has_one_model_and_the_manifests_of_the_others(
    wheel: Wheel, tmp_path: Path
) -> None:
    names = built(parse("text-embeddings=tiny-embedder"), wheel, tmp_path / "bundle")
    assert {"small/__init__.py", "functions/text_embeddings.py", "THIRD_PARTY.txt"} <= set(names)
    assert "models/tiny-embedder/model.onnx" in names
    assert "models/all-minilm-l6-v2/manifest.toml" in names
    opened = {name.rsplit("/", 1)[0] for name in names if name.endswith(".onnx")}
    assert opened == {"models/tiny-embedder"}
    assert not [name for name in names if "tests" in name or name.endswith((".pyi", "RECORD"))]


def test_a_bundle_has_the_licences_and_the_crates_of_its_packages(
    wheel: Wheel, tmp_path: Path
) -> None:
    built(parse("catalogue"), wheel, tmp_path / "bundle")
    text = (tmp_path / "bundle" / "THIRD_PARTY.txt").read_text("utf-8")
    assert all(part in text for part in ("Do as you please.", "a-crate 3", "all-MiniLM-L6-v2"))
    bill = bill_of_materials("catalogue", "1", [wheel], [])
    assert bill["components"][0]["purl"] == "pkg:pypi/small-package@1.2"
    assert bill["components"][0]["components"][0]["purl"] == "pkg:cargo/a@3"


def test_the_catalogue_knows_the_models_that_the_settings_say_others_serve(
    wheel: Wheel, tmp_path: Path
) -> None:
    built(parse("catalogue"), wheel, tmp_path / "bundle")
    assert not list((tmp_path / "bundle").rglob("*.onnx"))
    code = f"import sys; sys.path.append({SITE!r}); "
    code += "from shared.manifest import served; print(*[each.id for each in served()])"
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=tmp_path / "bundle",
        env={"TEXTFN_SERVED": "all-minilm-l6-v2,minilm-l6-sst2-int8"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["all-minilm-l6-v2", "minilm-l6-sst2-int8"], done.stderr


def test_bytecode_is_never_checked_and_says_where_aws_has_the_source(
    wheel: Wheel, tmp_path: Path
) -> None:
    names = built(parse("catalogue"), wheel, tmp_path / "bundle")
    compiled = [name for name in names if name.endswith(".pyc")]
    assert len(compiled) == len([name for name in names if name.endswith(".py")])
    content = (tmp_path / "bundle" / compiled[0]).read_bytes()
    assert content[4:8] == b"\x01\x00\x00\x00"  # PEP 552: by hash, unchecked
    assert b"/var/task/" in content
    assert str(tmp_path).encode() not in content


def test_the_same_files_give_the_same_zip(wheel: Wheel, tmp_path: Path) -> None:
    for name in ("one", "another-name"):
        folder = tmp_path / name
        built(parse("catalogue"), wheel, folder)
        write_zip(folder, tmp_path / f"{name}.zip")
        written = (tmp_path / f"{name}.zip").read_bytes()
        for path in folder.rglob("*.py"):
            os.utime(path, (1_000_000_000, 1_000_000_000))
            path.chmod(0o755)
        write_zip(folder, tmp_path / f"{name}.zip")
        assert (tmp_path / f"{name}.zip").read_bytes() == written
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "another-name.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert {stat.S_IMODE(each.external_attr >> 16) for each in archive.infolist()} == {0o644}


def test_a_bundle_that_aws_would_refuse_is_refused_with_its_biggest_parts() -> None:
    sizes = {"models/big/model.onnx.data": MOST_UNZIPPED - 9, "numpy/a.so": 10}
    with pytest.raises(TooBig, match=r"models/big 262\.1 MB, numpy 0\.0 MB.*smaller model"):
        check_size(sizes)
    assert "models/big" in check_size({"models/big/model.onnx": 250_000_000})[0]
    assert check_size({"models/small/model.onnx": 100_000_000}) == []


def test_a_zip_for_which_s3_is_needed_is_told() -> None:
    assert check_upload(52_428_800) == []
    assert "S3" in check_upload(52_428_801)[0]


def test_an_interpreter_is_one_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert interpreter("3.99") is None
    assert interpreter(HERE.python) == sys.executable


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nothing"], "nothing is no bundle"),
        (["text-embeddings"], "text-embeddings is no bundle"),
        (["local=all-minilm-l6-v2"], "not for local"),
        (["text-embeddings=minilm-l6-sst2-int8"], "is for text-classification"),
        (["text-embeddings=bge-base-en-v1.5"], "textfn models pull bge-base-en-v1.5"),
        (["text-embeddings=unheard-of"], "served here: "),
        (["--folder", "anywhere"], "--folder takes one function"),
    ],
)
def test_a_wrong_request_says_what_is_right(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bundle", *arguments]) == 1
    assert reason in capsys.readouterr().err


def test_bundling_needs_nothing_installed() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import textfn.commands.bundle"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code, str(ROOT)], capture_output=True)
    assert done.returncode == 0, done.stderr
