"""`textfn doctor`: whether an installation, or a bundle, is as it should be."""

import argparse
import json
from pathlib import Path

from textfn.parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.description = (
        "Check versions, model files, settings, threads, memory, writable folders, telemetry and\n"
        "API tokens; or check a bundle, given as a folder or a zip."
    )
    parser.epilog = (
        "example: textfn doctor dist/catalogue.zip\n\n"
        "exit codes: 0 nothing failed; 1 something failed; 2 wrong command"
    )
    parser.add_argument("bundle", nargs="?", type=Path, metavar="FOLDER|ZIP", help="a bundle")
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.set_defaults(run=doctor)


def doctor(options: argparse.Namespace) -> int:
    from textfn.checking import installation

    checks = list(installation.run(options.bundle))
    if options.json:
        print(json.dumps([check._asdict() for check in checks], indent=1))
    else:
        for check in checks:
            print(f"{check.state:4}  {check.name}: {check.found}")
            if check.remedy:
                print(f"      {check.remedy}")
    return int(any(check.state == "fail" for check in checks))
