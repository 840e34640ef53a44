"""`textfn token new`: an API token and the hash by which a service knows it."""

import argparse
import hashlib
import json
import secrets

from textfn.parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.description = (
        "Print a new API token and its sha256. Clients send the API token; the service stores\n"
        "the hash alone. The API token is not kept anywhere and cannot be shown again."
    )
    parser.epilog = "example: textfn token new --json\n\nexit code: 0"
    parser.add_argument("--json", action="store_true", help='print {"token": ..., "sha256": ...}')
    parser.set_defaults(run=new)


def new(options: argparse.Namespace) -> int:
    token = f"textfn_{secrets.token_urlsafe(32)}"  # 256 random bits, so a plain hash is safe
    digest = hashlib.sha256(token.encode()).hexdigest()
    if options.json:
        print(json.dumps({"token": token, "sha256": digest}))
    else:
        print(f"token   {token}\nsha256  {digest}\n")
        print("Clients send the token; it is shown this once. Give the hash to the service:")
        print(f"TEXTFN_TOKENS={digest}")
    return 0
