"""`textfn help`: the help of a command. `textfn help COMMAND` is `textfn COMMAND --help`."""

from textfn.parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.description = "Show the help of a command."
    parser.epilog = "example: textfn help models pull"
    parser.add_argument("words", nargs="*", metavar="COMMAND", help="default: all commands")
