"""`textfn token new`: a bearer token and the hash by which a service knows it."""

import argparse
import hashlib
import json
import secrets
from typing import Any


def add_to(commands: Any) -> None:
    group = commands.add_parser("token", help="make a bearer token")
    actions = group.add_subparsers(required=True, metavar="COMMAND")
    parser = actions.add_parser(
        "new",
        help="print a new token, once, and the hash to store",
        epilog="example: textfn token new --json. Exit code: 0",
    )
    parser.add_argument("--json", action="store_true", help='{"token": ..., "sha256": ...}')
    parser.set_defaults(command=new)


def new(options: argparse.Namespace) -> int:
    token = f"textfn_{secrets.token_urlsafe(32)}"  # 256 random bits, so a plain hash is safe
    digest = hashlib.sha256(token.encode()).hexdigest()
    if options.json:
        print(json.dumps({"token": token, "sha256": digest}))
    else:
        print(f"token   {token}\nsha256  {digest}\n")
        print("Clients send the token; it is shown this once. The service gets the hash, as")
        print(f"TEXTFN_TOKENS={digest}")
    return 0
