"""Checks this installation.

Nothing of shared/ is imported at the top: a bad setting stops that import, and this module is what
names bad settings.
"""

import importlib
import importlib.metadata
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from shared.version import VERSION
from textfn import layout
from textfn.checking.checks import Check, compare, model_files
from textfn.failure import Failure, in_words

PREFIX = "TEXTFN_"


def run(bundle: Path | None = None) -> Iterator[Check]:
    """Check the settings and, where they are right, the bundle or this installation."""
    settings = list(_settings())
    wrong = [check for check in settings if check.state == "fail"]
    yield from wrong if bundle else settings
    if wrong:
        yield Check("the rest", "warn", "not checked", "Repair the settings first.")
    elif bundle:
        yield from _bundle(bundle)
    else:
        for each in (
            _versions,
            _models,
            _defaults,
            _threads,
            _memory,
            _writable,
            _telemetry,
            _tokens,
        ):
            yield from each()


def _bundle(path: Path) -> Iterator[Check]:
    from textfn.checking import bundle

    return bundle.run(path)


def _settings() -> Iterator[Check]:
    from textfn.checking.settings import wrong_settings

    given = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    wrong = wrong_settings(given)
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
    yield Check("textfn", "ok", VERSION)


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _models() -> Iterator[Check]:
    from textfn.known import catalogue

    try:
        yield from model_files(catalogue())
    except Failure as error:
        yield Check("models", "fail", str(error), "Repair the file, or remove its folder.")
    except OSError as error:
        yield Check("models", "fail", in_words(error), "Repair the file, or remove its folder.")


def _defaults() -> Iterator[Check]:
    """Check the models that answer where a request names none, as a start does."""
    from shared.settings import BadSetting
    from textfn.known import catalogue

    try:
        catalogue().check_defaults()
    except BadSetting as error:
        yield Check("default models", "fail", str(error), "Set it right or leave it out.")
    except (Failure, OSError):
        return  # named among the models


def _threads() -> Iterator[Check]:
    from shared.settings import Settings, processors

    settings = Settings.read()

    cores = processors()
    text = f"{settings.threads} runs at a time, {cores} processors"
    if settings.threads > cores:
        yield Check("threads", "warn", text, "Set TEXTFN_THREADS to the number of processors.")
    else:
        yield Check("threads", "ok", text)


def _memory() -> Iterator[Check]:
    """Estimate what the installed models take: MiniLM, 23.5 MB of files, peaks at 117 MB."""
    from textfn.known import catalogue

    try:
        installed = catalogue().installed
        files = [each.folder / name for each in installed for name in each.sha256]
        needed = 100e6 + 2 * sum(path.stat().st_size for path in files)
        pages, page = os.sysconf("SC_AVPHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (Failure, OSError, ValueError, AttributeError):
        return  # _models names what cannot be read; macOS and Windows do not say what is free
    text = f"{pages * page / 1e6:.0f} MB free, the installed models take up to {needed / 1e6:.0f}"
    if pages * page < needed:
        yield Check(
            "memory", "warn", text, "Remove models that are not needed: textfn models remove NAME."
        )
    else:
        yield Check("memory", "ok", text)


def _writable() -> Iterator[Check]:
    from shared.manifest import BUNDLED
    from shared.settings import Settings

    settings = Settings.read()

    for name, folder, remedy in (
        (
            "models folder",
            settings.models_dir or BUNDLED,
            "Set TEXTFN_MODELS_DIR to a folder of your own to pull models.",
        ),
        ("temporary folder", Path(tempfile.gettempdir()), "Set TMPDIR to a folder that can."),
    ):
        if os.access(folder, os.W_OK):
            yield Check(name, "ok", f"{folder} can be written")
        else:
            yield Check(name, "warn", f"{folder} cannot be written", remedy)


def _telemetry() -> Iterator[Check]:
    # This turns it off, unless somebody has turned it on.
    importlib.import_module(layout.module("shared"))
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
        yield Check("tokens", "ok", f"{len(settings.tokens)} are valid")
    elif settings.tokens_parameter:
        yield Check("tokens", "ok", f"on AWS: in the SSM parameter {settings.tokens_parameter}")
    elif settings.auth == "none":
        text = "TEXTFN_AUTH=none: everybody who reaches this service may use it"
        yield Check(
            "tokens", "warn", text, "Set TEXTFN_TOKENS to the hash that textfn token new prints."
        )
    else:
        text = "none: it serves on loopback alone and does not start on Lambda"
        yield Check(
            "tokens", "warn", text, "Set TEXTFN_TOKENS to the hash that textfn token new prints."
        )
