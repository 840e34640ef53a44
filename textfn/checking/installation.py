"""What `textfn doctor` says of this installation.

Nothing of shared/ is imported here before it is needed: a bad setting stops that import, and to
tell of bad settings is this command's work.
"""

import importlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from textfn import layout
from textfn.checking.checks import Check, compare, model_files

PREFIX = "TEXTFN_"
# Reads settings one by one, in a process that has none: {name: value} -> {name: what is wrong}.
READ_EACH = """
import importlib, json, sys
settings = importlib.import_module(sys.argv[1])
wrong = {}
for name, value in json.load(sys.stdin).items():
    try:
        settings.Settings.read({name: value})
    except settings.BadSetting as error:
        wrong[name] = str(error)
json.dump(wrong, sys.stdout)
"""


def run() -> Iterator[Check]:
    wrong = list(_settings())
    yield from wrong
    if any(check.state == "fail" for check in wrong):
        yield Check("the rest", "warn", "not checked", "Repair the settings first.")
        return
    for each in (_versions, _models, _threads, _memory, _writable, _telemetry, _tokens):
        yield from each()


def _settings() -> Iterator[Check]:
    given = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    others = {name: value for name, value in os.environ.items() if name not in given}
    done = subprocess.run(
        [sys.executable, "-c", READ_EACH, layout.module("shared.settings")],
        input=json.dumps(given),
        env=others,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    wrong = json.loads(done.stdout)
    for name in sorted(given):
        if name in wrong:
            yield Check(name, "fail", wrong[name], "Set it right or leave it out.")
        else:
            yield Check(name, "ok", "set")
    if not given:
        yield Check("settings", "ok", "none is set, all have their defaults")


def _versions() -> Iterator[Check]:
    from textfn.bundling.assembly import MODEL, WEB
    from textfn.bundling.wheels import REQUIREMENTS, Target, pins

    target = Target(".".join(map(str, sys.version_info[:2])), "x86_64")
    names = sorted((*MODEL, *WEB))
    pinned = {name: pins([name], target)[0].split()[0].split("==")[1] for name in names}
    found = {name: _installed(name) for name in names}
    remedy = f"pip install -r {REQUIREMENTS}" if layout.IN_WHEEL else "make .venv/serve"
    yield from compare(found, pinned, remedy)
    yield Check("python", "ok", platform.python_version())


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _models() -> Iterator[Check]:
    from shared.manifest import BadManifest
    from shared.names import Catalogue
    from shared.settings import Settings

    try:
        manifests = list(Catalogue.read(Settings.read()))
    except BadManifest as error:
        yield Check("models", "fail", str(error), "Repair the file, or remove its folder.")
        return
    yield from model_files(manifests)


def _threads() -> Iterator[Check]:
    from shared.settings import Settings, processors

    settings = Settings.read()

    cores = processors()
    text = f"{settings.threads} runs at a time, {cores} processors"
    if settings.threads > cores:
        yield Check("threads", "warn", text, "Runs that share a processor only wait: set fewer.")
    else:
        yield Check("threads", "ok", text)


def _memory() -> Iterator[Check]:
    """Rather more than the installed models take: MiniLM, 23.5 MB of files, peaks at 117 MB."""
    from shared.manifest import BadManifest
    from shared.names import Catalogue
    from shared.settings import Settings

    try:
        installed = Catalogue.read(Settings.read()).installed
        pages, page = os.sysconf("SC_AVPHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (BadManifest, ValueError, OSError):
        return  # a bad manifest is told of already; macOS does not say what is free
    files = [each.folder / name for each in installed for name in each.sha256]
    needed = 100e6 + 2 * sum(path.stat().st_size for path in files)
    text = f"{pages * page / 1e6:.0f} MB free, the installed models take up to {needed / 1e6:.0f}"
    if pages * page < needed:
        yield Check("memory", "warn", text, "textfn models remove what is not needed.")
    else:
        yield Check("memory", "ok", text)


def _writable() -> Iterator[Check]:
    from shared.manifest import BUNDLED
    from shared.settings import Settings

    settings = Settings.read()

    for name, folder, remedy in (
        ("models folder", settings.models_dir or BUNDLED, "No model can be pulled into it."),
        ("temporary folder", Path(tempfile.gettempdir()), "Set TMPDIR to one that can."),
    ):
        if os.access(folder, os.W_OK):
            yield Check(name, "ok", f"{folder} can be written")
        else:
            yield Check(name, "warn", f"{folder} cannot be written", remedy)


def _telemetry() -> Iterator[Check]:
    importlib.import_module(
        layout.module("shared")
    )  # turns it off, where nobody has said otherwise
    value = os.environ.get("ORT_DISABLE_TELEMETRY", "")
    if value == "1":
        yield Check("telemetry", "ok", "onnxruntime's is off")
    else:
        text = f"ORT_DISABLE_TELEMETRY={value!r} lets onnxruntime report to its maker"
        yield Check("telemetry", "fail", text, "Unset it, or set it to 1.")


def _tokens() -> Iterator[Check]:
    from shared.settings import Settings

    settings = Settings.read()

    if settings.tokens:
        yield Check("tokens", "ok", f"{len(settings.tokens)} may ask")
    elif settings.tokens_parameter:
        yield Check("tokens", "ok", f"on AWS: in the SSM parameter {settings.tokens_parameter}")
    elif settings.auth == "none":
        text = "TEXTFN_AUTH=none: everybody who reaches this service may ask"
        yield Check("tokens", "warn", text, "Set TEXTFN_TOKENS to the sha256 of a token.")
    else:
        text = "none: it serves on loopback alone and does not start on Lambda"
        yield Check("tokens", "warn", text, "Set TEXTFN_TOKENS to the sha256 of a token.")
