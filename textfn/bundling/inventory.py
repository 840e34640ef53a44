"""Describes a bundle: its files, their sizes, its SBOM and its licences."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.manifest import Manifest
from textfn.bundling.wheels import Wheel
from textfn.digests import file_sha256
from textfn.failure import Failure
from textfn.layout import ROOT

MOST_UNZIPPED = 262_144_000  # bytes of a function and its layers: AWS's limit, 250 MiB
MUCH_UNZIPPED = 240_000_000
MOST_UPLOADED = 52_428_800  # bytes of a zip without S3: AWS's limit, 50 MiB

OWN = ("LICENSE", "THIRD_PARTY_NOTICES.md")


class TooBig(Failure):
    """A bundle that AWS would refuse; the message says what is in it and what to leave out."""


def files(folder: Path) -> dict[str, Path]:
    """Return every file of a folder by its name in the bundle, sorted."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {name: found[name] for name in sorted(found) if found[name].is_file()}


def describe(folder: Path) -> dict[str, dict[str, Any]]:
    """Return bytes and sha256 of every file."""
    return {
        name: {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
        for name, path in files(folder).items()
    }


def check_size(sizes: Mapping[str, int]) -> list[str]:
    """Return warnings about the size of these files, in bytes. Raises TooBig."""
    total = sum(sizes.values())
    parts: dict[str, int] = {}
    for name, size in sizes.items():
        part = "/".join(name.split("/")[:2]) if name.startswith("models/") else name.split("/")[0]
        parts[part] = parts.get(part, 0) + size
    biggest = sorted(parts, key=lambda part: -parts[part])[:5]
    listed = ", ".join(f"{part} {parts[part] / 1e6:.1f} MB" for part in biggest)
    if total > MOST_UNZIPPED:
        raise TooBig(
            f"{total / 1e6:.1f} MB unzipped, and AWS takes {MOST_UNZIPPED / 1e6:.1f}: {listed}. "
            "Bundle a smaller model, or run this one from a container image."
        )
    if total > MUCH_UNZIPPED:
        return [f"{total / 1e6:.1f} of {MOST_UNZIPPED / 1e6:.1f} MB unzipped: {listed}"]
    return []


def check_upload(size: int) -> list[str]:
    """Return warnings about the size of a zip, in bytes."""
    if size <= MOST_UPLOADED:
        return []
    return [
        f"{size / 1e6:.1f} MB zipped; above {MOST_UPLOADED / 1e6:.1f} MB a zip is uploaded "
        "through S3, as `sam deploy` and `serverless deploy` do"
    ]


def third_party(wheels: Sequence[Wheel]) -> str:
    """Return the licences of everything in a bundle, in full where a package carries its own."""
    parts = [_section(name, [(ROOT / name).read_text("utf-8")]) for name in OWN]
    for wheel in wheels:
        texts = wheel.licences or [f"{wheel.licence}; the package has no text of its own."]
        crates = [_crate(each) for each in _made_of(wheel)]
        texts += ["Compiled into it:\n" + "\n".join(crates)] if crates else []
        parts.append(_section(f"{wheel.name} {wheel.version} ({wheel.licence})", texts))
    return "\n".join(parts)


def _section(title: str, texts: Sequence[str]) -> str:
    return "\n".join(["=" * 80, title, "=" * 80, "", *texts])


def _crate(component: Mapping[str, Any]) -> str:
    names = [_licence(each) for each in component.get("licenses", [])]
    return f"{component['name']} {component['version']} ({', '.join(names) or 'not stated'})"


def _licence(entry: Mapping[str, Any]) -> str:
    licence = entry.get("license", {})
    return str(entry.get("expression") or licence.get("id") or licence.get("name"))


def _made_of(wheel: Wheel) -> list[dict[str, Any]]:
    """Return the parts of a compiled package, from its own bill of materials."""
    kept = ("type", "name", "version", "hashes", "licenses", "purl")
    found = [part for text in wheel.sboms for part in json.loads(text).get("components", [])]
    parts = [{key: part[key] for key in kept if key in part} for part in found]
    for part in parts:  # a path of the machine that built it is no download
        part["purl"] = part["purl"].split("?")[0]
    return sorted(parts, key=lambda part: (part["name"], part["version"]))


def bill_of_materials(
    name: str, version: str, wheels: Sequence[Wheel], models: Sequence[Manifest]
) -> dict[str, Any]:
    """Return an SBOM in CycloneDX 1.6. It has no date: the same bundle has the same SBOM."""
    components = [*map(_package, wheels), *map(_model, models)]
    content = json.dumps(components, sort_keys=True).encode()
    serial = uuid.UUID(bytes=hashlib.sha256(content).digest()[:16], version=4)
    described = {
        "bom-ref": "textfn",
        "type": "application",
        "name": f"textfn {name}",
        "version": version,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": described},
        "components": components,
        "dependencies": [
            {"ref": "textfn", "dependsOn": [each["bom-ref"] for each in components]},
        ],
    }


def _package(wheel: Wheel) -> dict[str, Any]:
    purl = f"pkg:pypi/{wheel.name.lower().replace('_', '-')}@{wheel.version}"
    entry: dict[str, Any] = {
        "bom-ref": purl,
        "type": "library",
        "name": wheel.name,
        "version": wheel.version,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": file_sha256(wheel.file)}],
        "licenses": [
            {"expression": wheel.licence}
            if wheel.metadata["License-Expression"]
            else {"license": {"name": wheel.licence}}
        ],
    }
    parts = _made_of(wheel)
    return entry | {"components": parts} if parts else entry


def _model(manifest: Manifest) -> dict[str, Any]:
    urls = [manifest.source] if manifest.source.startswith("https://") else []
    return {
        "bom-ref": f"model/{manifest.id}",
        "type": "machine-learning-model",
        "name": manifest.id,
        "version": manifest.revision,
        "description": manifest.description,
        "licenses": [{"license": {"name": manifest.licence}}],
        "externalReferences": [{"type": "distribution", "url": url} for url in urls],
        "components": [
            {
                "type": "file",
                "name": name,
                "hashes": [{"alg": "SHA-256", "content": manifest.sha256[name]}],
            }
            for name in sorted(manifest.sha256)
        ],
    }
