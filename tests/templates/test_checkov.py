"""Checkov: what it finds is repaired, or excepted beside the resource with the reason."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, run

EXCEPTED = {"CKV_AWS_116", "CKV_AWS_117"}


def scan(path: Path) -> dict[str, Any]:
    command = ROOT / ".venv-checkov" / "bin" / "checkov"
    options = ("--framework", "cloudformation", "--skip-download", "--output", "json")
    results: dict[str, Any] = json.loads(run(command, "-f", path, *options).stdout)
    return results


@pytest.mark.parametrize("name", ["template.yaml", "serverless.yml"])
def test_checkov_finds_nothing_but_what_is_excepted(name: str, request: Any) -> None:
    sam = name == "template.yaml"
    found = scan(ROOT / name if sam else request.getfixturevalue("service")[1])
    assert found["summary"]["failed"] == 0, [
        (each["check_id"], each["resource"]) for each in found["results"]["failed_checks"]
    ]
    assert found["summary"]["parsing_errors"] == 0
    assert found["summary"]["passed"] > 30
    skipped = {each["check_id"] for each in found["results"]["skipped_checks"]}
    assert skipped == (EXCEPTED if sam else {*EXCEPTED, "CKV_AWS_18"})
