"""The command line of textfn."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from textfn.commands import doctor


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done; 1 not done, and a line says why; 2 the command or a setting is wrong.

    `models pull` has more, in its --help.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        from textfn.commands import (
            add,
            ask,
            bundle,
            cost,
            evaluate,
            models,
            pull,
            push,
            serve,
            token,
            verify,
        )
    except ValueError as error:  # a BadSetting: they are read once, at import
        if given[:1] == ["doctor"]:  # the one that tells of all bad settings, not of the first
            return doctor.main(given[1:])
        print(f"textfn: {error}", file=sys.stderr)
        return 2
    parser = argparse.ArgumentParser(
        prog="textfn", description=__doc__, epilog="exit codes: 0 done, 1 failed, 2 wrong command"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (serve, ask, cost, bundle, doctor, token):
        command.add_to(commands)
    group = commands.add_parser("models", help="install models, check them, score them")
    actions = group.add_subparsers(required=True, metavar="COMMAND")
    for action in (models, pull, add, push, verify, evaluate):
        action.add_to(actions)
    options = parser.parse_args(given)
    chosen: Callable[[argparse.Namespace], int] = options.command
    try:
        code = chosen(options)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` say, has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing to flush at exit
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
