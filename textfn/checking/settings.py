"""Reads settings one by one: {name: value} on stdin, {name: what is wrong} on stdout.

It runs in a process without settings: `python -m textfn.checking.settings`. A bad one stops the
import of shared.settings.
"""

import json
import sys

from shared.settings import BadSetting, Settings

# Either of them alone is refused.
PAIR = ("TEXTFN_MODEL_BUCKET", "TEXTFN_MODEL")


def wrong(given: dict[str, str]) -> dict[str, str]:
    """Return the settings that are not allowed, each with the reason."""
    found = {}
    for name, value in given.items():
        try:
            Settings.read(_together(given) if name in PAIR else {name: value})
        except BadSetting as error:
            found[name] = str(error)
    return found


def _together(given: dict[str, str]) -> dict[str, str]:
    return {name: given[name] for name in PAIR if name in given}


if __name__ == "__main__":
    json.dump(wrong(json.load(sys.stdin)), sys.stdout)
