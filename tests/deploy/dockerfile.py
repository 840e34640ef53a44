"""Run a Dockerfile without Docker: stages are folders, and the steps run in them for real.

One step cannot run: `pip install` needs an index. In its place, links lead from the stage to the
distributions that the requirements pin, and no other, in the environment of the tests.
"""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement

ABSOLUTE = re.compile(r"(?<![\w.])/(?=venv|app)")  # the image's own folders, in a command


@dataclass
class Stage:
    root: Path
    workdir: str = "/"
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"]})
    said: dict[str, str] = field(default_factory=dict)  # the instructions that run nothing

    def path(self, name: str) -> Path:
        return self.root / os.path.join(self.workdir, name).lstrip("/")

    def here(self, text: str) -> str:
        return ABSOLUTE.sub(f"{self.root}/", text)

    def command(self, instruction: str) -> list[str]:
        """Return CMD, or the CMD of HEALTHCHECK, in exec form."""
        words: list[str] = json.loads(self.said[instruction][self.said[instruction].index("[") :])
        return words


def build(dockerfile: Path, context: Path, folder: Path) -> Stage:
    """Build all stages and return the last one."""
    ignored = dockerfile.with_name("Dockerfile.dockerignore").read_text().split()
    stages: dict[str, Stage] = {}
    for line in dockerfile.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        instruction, rest = line.split(maxsplit=1)
        if instruction == "FROM":
            name = rest.partition(" AS ")[2] or "last"
            stage = stages[name] = Stage(folder / name)
            stage.root.mkdir()
            stage.environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        elif instruction == "WORKDIR":
            stage.workdir = rest
            stage.path(rest).mkdir(exist_ok=True)
        elif instruction == "COPY" and rest.startswith("--from="):
            source, origin, target = rest.removeprefix("--from=").split()
            shutil.copytree(stages[source].path(origin), stage.path(target), symlinks=True)
        elif instruction == "COPY":
            _copy(context, *rest.split(), ignored, stage)
        elif instruction == "RUN" and "pip install" in rest:
            assert {"--require-hashes", "--only-binary=:all:"} <= set(rest.split())
            _link(stage.path(rest.split()[-1]), stage.path("/venv"))
        elif instruction == "RUN":
            command = ["sh", "-c", stage.here(rest)]
            subprocess.run(command, cwd=stage.path("."), env=stage.environment, check=True)
        elif instruction == "ENV":
            for word in rest.split():
                name, value = word.split("=", 1)
                value = stage.here(value.replace("$PATH", os.environ["PATH"]))
                stage.environment[name] = value
        else:
            stage.said[instruction] = rest
    return stage


def included(path: str, patterns: list[str]) -> bool:
    """Tell whether a .dockerignore keeps a file in the context. The last match decides."""
    parts = path.split("/")
    ancestors = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    keep = True
    for pattern in patterns:
        plain = re.escape(pattern.lstrip("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(plain, each) for each in ancestors):
            keep = pattern.startswith("!")
    return keep


def _copy(context: Path, source: str, target: str, ignored: list[str], stage: Stage) -> None:
    origin = context / source
    files = [path for path in origin.rglob("*") if path.is_file()] or [origin]
    kept = [path for path in files if included(str(path.relative_to(context)), ignored)]
    assert kept, f"COPY {source}: no such file in the context"
    for path in kept:
        to = stage.path(target) / path.relative_to(origin)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, to)


def _link(requirements: Path, venv: Path) -> None:
    site_packages = next(venv.glob("lib/python*/site-packages"))
    for line in requirements.read_text().splitlines():
        if "==" not in line:
            continue
        pinned = Requirement(line.rstrip("\\ "))
        if pinned.marker and not pinned.marker.evaluate():
            continue
        found = importlib.metadata.distribution(pinned.name)
        assert found.version in pinned.specifier
        for name in {file.parts[0] for file in found.files or []} - {"..", "__pycache__"}:
            if pinned.name != "setuptools":  # the next step uninstalls it: never through a link
                (site_packages / name).symlink_to(found.locate_file(name))
