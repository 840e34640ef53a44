"""`textfn models push`: puts an installed model into an S3 bucket, for TEXTFN_MODEL_BUCKET."""

import argparse
import re
import sys
from typing import Any

from shared.errors import UnknownModel
from shared.manifest import BadManifest
from shared.names import Catalogue
from shared.settings import BUCKET, Settings
from textfn.installing import upload
from textfn.installing.upload import PushError

CODES = """exit codes:
  0  all files are there               3  S3 cannot be reached
  1  not pushed, and a line says why   5  not allowed, or no credentials
  2  wrong command or unknown model    6  no such bucket
After a break, push again: what is there is not sent again.

example: textfn models push mfaq s3://my-bucket/models"""


def add_to(commands: Any) -> None:
    parser = commands.add_parser(
        "push",
        help="put an installed model into an S3 bucket, for functions to fetch",
        description="Uploads the files and the manifest of an installed model, for a function with "
        "TEXTFN_MODEL_BUCKET and TEXTFN_MODEL. What is there with the same sha256 is skipped.",
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="any name of an installed model")
    parser.add_argument("bucket", metavar="s3://BUCKET/PREFIX", help="as TEXTFN_MODEL_BUCKET")
    parser.set_defaults(command=push)


def push(options: argparse.Namespace) -> int:
    try:
        prefix = options.bucket.rstrip("/")
        if not re.fullmatch(BUCKET, prefix):
            raise PushError(f"{options.bucket} is not s3://BUCKET/PREFIX", 2)
        upload.push(Catalogue.read(Settings.read()).find(options.name), prefix)
    except UnknownModel as error:
        return _failed(f"{error} {error.hint}", 2)
    except PushError as error:
        return _failed(str(error), error.code)
    except ModuleNotFoundError as error:
        return _failed(f"{error.name} is not installed here; `make .venv/dev` installs it", 1)
    except (BadManifest, OSError) as error:
        return _failed(str(error), 1)
    except KeyboardInterrupt:
        return _failed("stopped; the next push sends what is missing", 130)
    return 0


def _failed(message: str, code: int) -> int:
    print(f"textfn models push: {message}", file=sys.stderr)
    return code
