"""The output of the tools for the two templates, without AWS. Each tool runs once."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cloudformation import load

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BIN = Path(sys.executable).parent
ENVIRONMENT = {
    **{name: os.environ[name] for name in os.environ if not name.startswith("AWS_")},
    "AWS_DEFAULT_REGION": "us-east-1",
    "SAM_CLI_TELEMETRY": "0",
    "SLS_TELEMETRY_DISABLED": "1",
    "SLS_NOTIFICATIONS_MODE": "off",
}


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True)


def packaged(folder: Path, *options: str) -> tuple[dict[str, Any], Path]:
    """Return the template that `serverless package` would deploy: parsed, and as a file."""
    shutil.copy(ROOT / "serverless.yml", folder)
    shutil.copy(ROOT / "template.yaml", folder)
    for function in load(ROOT / "serverless.yml")["functions"].values():
        artifact = folder / function["package"]["artifact"]
        artifact.parent.mkdir(exist_ok=True)
        artifact.write_bytes(b"PK\x05\x06" + bytes(18))  # an empty zip; `make bundle` is slow
    command = HERE / "node_modules" / ".bin" / "serverless"
    done = run(command, "package", *options, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Warning" not in done.stdout + done.stderr
    path = folder / ".serverless" / "cloudformation-template-update-stack.json"
    return json.loads(path.read_text()), path


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    return packaged(tmp_path_factory.mktemp("serverless"))


@pytest.fixture(scope="session")
def built() -> Path:
    """Return the folder that `sam build` makes of the working tree, with the bundles."""
    done = run(BIN / "sam", "build")
    assert done.returncode == 0, done.stderr
    return ROOT / ".aws-sam" / "build"


def transformed(template: dict[str, Any], **parameters: str) -> dict[str, Any]:
    """Turn a SAM template into the resources of CloudFormation, as AWS does."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    from samtranslator.translator.transform import transform

    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bundles/function.zip"

    class Managed:
        """SAM's own managed policies, of which the template uses none."""

        def load(self) -> dict[str, str]:
            return {}

    made: dict[str, Any] = transform(template, parameters, Managed())
    return made
