"""What the zips hold, for both processors."""

import hashlib
import json
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conftest import BUNDLES, NAMES
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

PYTHON = ".".join(map(str, sys.version_info[:2]))
# e_machine of an ELF file, at byte 18 (System V ABI)
MACHINES = {"x86_64": 62, "arm64": 183}
TAGS = {"x86_64": "x86_64", "arm64": "aarch64"}
MOST_ZIPPED = 52_428_800  # AWS's limit of an upload without S3
# Our own goal; AWS takes 262 MB. Python 3.11's last numpy is bigger, and has no place on AWS.
MOST_UNZIPPED = 115_000_000 if sys.version_info >= (3, 12) else 116_000_000


@pytest.fixture(params=[(arch, name) for arch in MACHINES for name in NAMES], ids="-".join)
def built(request: pytest.FixtureRequest) -> tuple[str, Path]:
    arch, name = request.param
    return arch, BUNDLES / arch / f"{name}.zip"


def papers(file: Path) -> Any:
    return json.loads(file.with_suffix(".json").read_text())


def test_a_bundle_is_small_enough_for_a_direct_upload(built: tuple[str, Path]) -> None:
    file = built[1]
    assert file.stat().st_size <= MOST_ZIPPED
    with zipfile.ZipFile(file) as archive:
        assert sum(each.file_size for each in archive.infolist()) <= MOST_UNZIPPED
    if file.stem == "catalogue":
        assert file.stat().st_size < 2_000_000


def test_the_inventory_is_what_is_in_the_zip(built: tuple[str, Path]) -> None:
    file = built[1]
    listed = papers(file)
    assert listed["zip"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    with zipfile.ZipFile(file) as archive:
        found = {
            name: {
                "bytes": archive.getinfo(name).file_size,
                "sha256": hashlib.sha256(archive.read(name)).hexdigest(),
            }
            for name in archive.namelist()
        }
    assert found == listed["files"]


def test_every_library_is_for_the_processor_and_the_python(built: tuple[str, Path]) -> None:
    arch, file = built
    with zipfile.ZipFile(file) as archive:
        libraries = [name for name in archive.namelist() if ".so" in name]
        for name in libraries:
            head = archive.read(name)[:20]
            assert head[:4] == b"\x7fELF", name
            assert struct.unpack("<H", head[18:20])[0] == MACHINES[arch], name
    roots = {name.split("/")[0] for name in libraries} - {"numpy.libs"}
    engine = set() if file.stem == "catalogue" else {"numpy", "onnxruntime", "tokenizers"}
    assert roots == engine | {"orjson"}
    tags = [
        wheel.removesuffix(".whl").split("-")[2:] for wheel in papers(file)["packages"].values()
    ]
    for python, _, platform in tags:
        assert platform == "any" or TAGS[arch] in platform
        assert python in ("py3", "cp310", f"cp{PYTHON.replace('.', '')}")


def test_the_catalogue_carries_no_model_and_nothing_to_run_one(built: tuple[str, Path]) -> None:
    with zipfile.ZipFile(built[1]) as archive:
        names = archive.namelist()
    roots = {name.split("/")[0] for name in names}
    heavy = {"numpy", "numpy.libs", "onnxruntime", "tokenizers"} & roots
    models = {name.split("/")[1] for name in names if name.endswith(".onnx")}
    assert (len(heavy), len(models)) == ((0, 0) if built[1].stem == "catalogue" else (4, 1))


def test_the_bill_of_materials_is_one(built: tuple[str, Path]) -> None:
    text = built[1].with_suffix(".cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert "pkg:pypi/starlette@" in text
    assert "file://" not in text
