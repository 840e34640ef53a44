"""`textfn doctor` as a person runs it, on this installation and on bundles."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import MODELS

from textfn.bundling.assembly import WEB, assemble
from textfn.bundling.wheels import Target, Wheel, pins
from textfn.checking.checks import compare
from textfn.commands.bundle import parse

HERE = Target(".".join(map(str, sys.version_info[:2])), "x86_64")
States = dict[str, str]


def doctor(*arguments: str | Path, **environment: str) -> tuple[int, States, str]:
    """Exit code, the worst state of each check by its name, and all that was said."""
    done = subprocess.run(
        [sys.executable, "-m", "textfn", "doctor", "--json", *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return (
        done.returncode,
        {each["name"]: each["state"] for each in json.loads(done.stdout)},
        (done.stdout),
    )


def test_this_installation_is_well() -> None:
    code, states, said = doctor(TEXTFN_TOKENS="ab" * 32)
    assert (code, set(states.values())) == (0, {"ok"}), said
    assert {"packages", "all-minilm-l6-v2", "tiny-embedder", "threads", "memory"} <= set(states)


def test_tokens_that_are_kept_in_ssm_are_told_where() -> None:
    _, states, said = doctor(TEXTFN_TOKENS_PARAMETER="/textfn/tokens")
    assert (states["tokens"], "/textfn/tokens" in str(said)) == ("ok", True)


def test_each_line_tells_a_state_and_a_remedy() -> None:
    command = [sys.executable, "-m", "textfn", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    assert "warn  tokens: none: it serves on loopback alone" in done.stdout
    assert "\n      Set TEXTFN_TOKENS" in done.stdout


def test_every_bad_setting_is_told_and_no_secret() -> None:
    bad = {"TEXTFN_AUTH": "yes", "TEXTFN_MAX_TEXT": "3", "TEXTFN_TOKENS": "my-own-token"}
    code, states, said = doctor(**bad, TEXTFN_THREADS="1")
    assert code == 1
    assert {name: states[name] for name in bad} == dict.fromkeys(bad, "fail")
    assert states["TEXTFN_THREADS"] == "ok"
    assert "give token or none" in said
    assert "my-own-token" not in said


def test_what_may_be_meant_is_a_warning() -> None:
    code, states, _ = doctor(TEXTFN_AUTH="none", TEXTFN_THREADS="1000")
    assert (code, states["tokens"], states["threads"]) == (0, "warn", "warn")


def test_telemetry_that_somebody_turned_on_is_a_failure() -> None:
    code, states, _ = doctor(ORT_DISABLE_TELEMETRY="0")
    assert (code, states["telemetry"]) == (1, "fail")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), "missing: tokenizer.json"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "another sha256"),
        (lambda folder: (folder / "manifest.toml").write_text("id = 1"), "id must be a string"),
    ],
)
def test_a_damaged_model_is_named(tmp_path: Path, harm: object, said: str) -> None:
    shutil.copytree(MODELS / "tiny-embedder", tmp_path / "tiny-embedder")
    assert callable(harm)
    harm(tmp_path / "tiny-embedder")
    code, states, text = doctor(TEXTFN_MODELS_DIR=str(tmp_path))
    assert (code, "fail" in (states.get("tiny-embedder"), states.get("models"))) == (1, True)
    assert said in text


def test_another_version_is_untested_and_a_missing_package_fails() -> None:
    found = {"numpy": "1.0", "onnxruntime": "", "anyio": "4"}
    checks = list(compare(found, {"numpy": "2.0", "onnxruntime": "1", "anyio": "4"}, "install"))
    assert [(each.state, each.found) for each in checks] == [
        ("fail", "missing: onnxruntime"),
        ("warn", "untested: numpy 1.0 instead of 2.0"),
    ]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The catalogue's bundle, with packages that are names and a library alone."""
    wheels = []
    for name, pin in zip(WEB, pins(WEB, HERE), strict=True):
        version = pin.split()[0].split("==")[1]
        file = tmp_path / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        info = f"{file.name.rsplit('-', 3)[0]}.dist-info"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(f"{info}/METADATA", f"Name: {name}\nVersion: {version}\nLicense: MIT")
            tag = HERE.python.replace(".", "")
            elf = b"\x7fELF" + bytes(14) + (62).to_bytes(2, "little")
            archive.writestr(f"{name}/{name}.cpython-{tag}-x86_64-linux-gnu.so", elf)
        wheels.append(Wheel(file))
    folder = tmp_path / "bundle"
    folder.mkdir()
    assemble(parse("catalogue"), wheels, HERE, folder)
    return folder


def test_a_bundle_is_well_as_it_was_made(bundle: Path) -> None:
    code, states, said = doctor(bundle)
    assert (code, set(states.values())) == (0, {"ok"}), said
    assert f"Python {HERE.python} on x86_64" in said


def test_a_library_for_another_processor_fails(bundle: Path) -> None:
    library = next(bundle.rglob("*.so"))
    library.write_bytes(b"\x7fELF" + bytes(14) + (183).to_bytes(2, "little"))
    code, states, said = doctor(bundle)
    assert (code, states["target"]) == (1, "fail")
    assert "libraries for arm64, x86_64" in said


def test_a_bundle_without_bytecode_starts_slowly(bundle: Path) -> None:
    for compiled in bundle.rglob("*.pyc"):
        compiled.unlink()
    assert doctor(bundle)[:2][1]["bytecode"] == "warn"


def test_a_package_that_the_bundle_lacks_fails(bundle: Path) -> None:
    shutil.rmtree(next(bundle.glob("starlette-*.dist-info")))
    code, states, said = doctor(bundle)
    assert (code, states["packages"]) == (1, "fail")
    assert "missing: starlette" in said


def test_a_zip_that_its_inventory_does_not_know_fails(bundle: Path, tmp_path: Path) -> None:
    from textfn.bundling.archive import write_zip

    write_zip(bundle, tmp_path / "catalogue.zip")
    assert doctor(tmp_path / "catalogue.zip")[1]["inventory"] == "warn"
    (tmp_path / "catalogue.json").write_text('{"zip": {"sha256": "00"}}')
    code, states, _ = doctor(tmp_path / "catalogue.zip")
    assert (code, states["inventory"]) == (1, "fail")


@pytest.mark.parametrize("name", ["nowhere.zip", "pyproject.toml", "docs"])
def test_what_is_no_bundle_is_told(name: str) -> None:
    code, states, _ = doctor(name)
    assert (code, states) == (1, {"bundle": "fail"})
