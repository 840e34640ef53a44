"""`textfn doctor` as a person runs it, on bundles."""

import shutil
import zipfile
from pathlib import Path

import pytest
from bundles import HERE
from diagnosing import doctor

from textfn.bundling.archive import write_zip
from textfn.bundling.assembly import WEB, assemble
from textfn.bundling.wheels import Wheel, pins
from textfn.commands.bundle import parse


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
    write_zip(bundle, tmp_path / "catalogue.zip")
    assert doctor(tmp_path / "catalogue.zip")[1]["inventory"] == "warn"
    (tmp_path / "catalogue.json").write_text('{"zip": {"sha256": "00"}}')
    code, states, _ = doctor(tmp_path / "catalogue.zip")
    assert (code, states["inventory"]) == (1, "fail")


@pytest.mark.parametrize("name", ["nowhere.zip", "pyproject.toml", "docs"])
def test_what_is_no_bundle_is_told(name: str) -> None:
    code, states, _ = doctor(name)
    assert (code, states) == (1, {"bundle": "fail"})
