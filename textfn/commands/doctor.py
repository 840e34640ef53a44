"""`textfn doctor`: whether an installation, or a bundle, is as it should be."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textfn.checking import installation
from textfn.checking.checks import Check


def add_to(commands: Any) -> None:
    add_options(
        commands.add_parser(
            "doctor",
            help="check this installation, or a bundle",
            description="Checks versions, model files, settings, threads, memory, writable "
            "folders, telemetry and tokens; or a bundle, given as a folder or a zip.",
            epilog="example: textfn doctor dist/catalogue.zip. "
            "Exit codes: 0 nothing failed, 1 something did, 2 the command is wrong",
        )
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", nargs="?", type=Path, metavar="FOLDER|ZIP")
    parser.add_argument("--json", action="store_true", help="for a program: a list of objects")
    parser.set_defaults(command=doctor)


def main(arguments: list[str]) -> int:
    """The command where the settings are wrong, so that no other command can be offered."""
    parser = argparse.ArgumentParser(prog="textfn doctor")
    add_options(parser)
    return doctor(parser.parse_args(arguments))


def doctor(options: argparse.Namespace) -> int:
    checks = list(_bundle(options.bundle) if options.bundle else installation.run())
    if options.json:
        print(json.dumps([check._asdict() for check in checks], indent=1))
    else:
        for check in checks:
            print(f"{check.state:4}  {check.name}: {check.found}")
            if check.remedy:
                print(f"      {check.remedy}")
    return int(any(check.state == "fail" for check in checks))


def _bundle(path: Path) -> Iterator[Check]:
    from textfn.checking import bundle as bundle_checks

    if not path.exists():
        yield Check("bundle", "fail", f"there is no {path}", "textfn bundle makes it.")
        return
    yield from bundle_checks.run(path)
