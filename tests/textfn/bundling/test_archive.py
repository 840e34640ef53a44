"""How a bundle is packed; tests/lambda runs whole ones."""

import os
import stat
import zipfile
from pathlib import Path

import pytest
from bundles import built, small_wheel

from textfn.bundling.archive import write_zip
from textfn.bundling.wheels import Wheel
from textfn.commands.bundle import parse


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    return small_wheel(tmp_path)


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
