"""A bundle of one small wheel, for tests of bundles."""

import json
import sys
import zipfile
from pathlib import Path

from textfn.bundling.assembly import Bundle, assemble
from textfn.bundling.wheels import Target, Wheel

HERE = Target(".".join(map(str, sys.version_info[:2])), "x86_64")
METADATA = "Metadata-Version: 2.4\nName: Small_Package\nVersion: 1.2\nLicense-Expression: MIT\n"
CRATE = {"type": "library", "name": "a-crate", "version": "3", "purl": "pkg:cargo/a@3?file:///home"}


def small_wheel(folder: Path) -> Wheel:
    contents = {
        "small/__init__.py": "NAME = 'small'\n",
        "small/tests/test_it.py": "",
        "small/types.pyi": "",
        "small_package-1.2.dist-info/METADATA": METADATA,
        "small_package-1.2.dist-info/RECORD": "",
        "small_package-1.2.dist-info/licenses/LICENSE": "Do as you please.",
        "small_package-1.2.dist-info/sboms/a.json": json.dumps({"components": [CRATE]}),
    }
    file = folder / "small_package-1.2-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return Wheel(file)


def built(bundle: Bundle, wheel: Wheel, folder: Path) -> list[str]:
    folder.mkdir()
    assemble(bundle, [wheel], HERE, folder)
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
