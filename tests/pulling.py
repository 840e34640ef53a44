"""Run `textfn models pull` in its own process, from a Hub on loopback or an index in a folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

from graphs import CHECKPOINTS, ROOT
from hub import COMMIT, REPOSITORY, Hub
from index import Index

CHECKPOINT = CHECKPOINTS / "tiny-embedder"
HELLO = next(
    case
    for case in json.loads((CHECKPOINT / "golden.json").read_text("utf-8"))
    if case.get("text") == "hello world"
)
INSTALLED = f"tiny@{COMMIT[:12]}"
MAIN = "import sys; from textfn.__main__ import main; sys.exit(main())"
MANIFEST = """id = "tiny"
aliases = ["@test/tiny"]
tasks = ["text-embeddings"]
description = "Random embeddings"
source = "https://huggingface.co/{repository}"
revision = "{revision}"
licence = "Apache-2.0"
architecture = "{architecture}"
max_tokens = 32
pooling = ["mean", "cls"]
normalize = false
dimensions = 16

[checkpoint_sha256]
{digests}

{mirrors}
[[references]]
origin = "torch"
text = "hello world"
pooling = "cls"
first_numbers = {numbers}
tolerance = 0.1
"""


class Pull:
    """A catalogue of one model, which is pulled into the folder of the catalogue. The process runs
    the code `before` first."""

    def __init__(self, folder: Path, hub: Hub) -> None:
        self.models, self.hub, self.before = folder / "models", hub, ""
        self.index = Index(folder / "index")
        (self.models / "tiny").mkdir(parents=True)
        self.catalogue()

    def catalogue(self, **fields: object) -> None:
        known = {
            "repository": REPOSITORY,
            "revision": COMMIT,
            "architecture": "bert",
            "digests": "",
            "mirrors": "",
            "numbers": HELLO["cls"][:5],
        }
        text = MANIFEST.format(**known | fields)
        (self.models / "tiny" / "manifest.toml").write_text(text, "utf-8")

    @property
    def environment(self) -> dict[str, str]:
        return (
            os.environ
            | self.index.environment
            | {
                "TEXTFN_MODELS_DIR": str(self.models),
                "HF_ENDPOINT": self.hub.url,
                "HF_HOME": str(self.models.parent / "hf"),
                "HF_HUB_ETAG_TIMEOUT": "2",
                "HF_TOKEN": "hf_secret",
            }
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", f"{self.before}\n{MAIN}", "models", *words],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        """Return the exit code, the output and the errors."""
        process = self.start(*(words or ("pull", "tiny")))
        output, error = process.communicate(timeout=60)
        return process.returncode, output, error

    def refused(self, code: int, *words: str) -> str:
        """Return the one line of a pull that fails and installs nothing."""
        found, _, error = self.run(*words)
        assert found == code, error
        assert len(error.splitlines()) == 1
        assert error.startswith("textfn models pull: ")
        assert sorted(path.name for path in self.models.glob("*/manifest.toml")) == [
            "manifest.toml"
        ]
        return error
