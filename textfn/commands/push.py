"""`textfn models push`: puts an installed model into an S3 bucket, for TEXTFN_MODEL_BUCKET."""

import argparse
import re

from textfn.failure import WrongCommand, exit_code
from textfn.parser import Parser

EPILOG = """example: textfn models push mfaq s3://my-bucket/models

exit codes:
  0  all files are there               5  not allowed, or no credentials
  1  not pushed                        6  no such bucket
  2  wrong command or unknown model  130  stopped (Ctrl-C)
  3  S3 cannot be reached
After a break, push again: files that are there are not sent again."""


def add_arguments(parser: Parser) -> None:
    parser.description = (
        "Upload the files and the manifest of an installed model, for a function with\n"
        "TEXTFN_MODEL_BUCKET and TEXTFN_MODEL. A file with the same sha256 is skipped."
    )
    parser.epilog = EPILOG
    parser.add_argument("name", metavar="NAME", help="any name of an installed model")
    parser.add_argument("bucket", metavar="s3://BUCKET/PREFIX", help="as TEXTFN_MODEL_BUCKET")
    parser.set_defaults(run=push, stopped="stopped; the next push sends what is missing")


def push(options: argparse.Namespace) -> int:
    from shared.errors import UnknownModel
    from shared.settings import BUCKET
    from textfn.installing import upload
    from textfn.known import find

    prefix = options.bucket.rstrip("/")
    if not re.fullmatch(BUCKET, prefix):
        raise WrongCommand(f"{options.bucket} is not s3://BUCKET/PREFIX")
    with exit_code(2, UnknownModel):
        manifest = find(options.name)
    upload.push(manifest, prefix)
    return 0
