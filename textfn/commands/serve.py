"""`textfn serve`: every function on this machine, at one address."""

import argparse
import json
import logging
import shlex
import sys
from typing import Any

import uvicorn

from shared.http import access
from shared.http.access import Access
from shared.settings import Settings
from textfn.layout import ROOT
from textfn.listening import is_loopback, listen

SECONDS_TO_FINISH = 10  # for the requests that are being computed when a SIGTERM comes
EXAMPLES = ROOT / "functions" / "examples.json"


def add_to(commands: Any) -> None:
    parser = commands.add_parser(
        "serve",
        help="serve all functions on this machine",
        epilog="example: textfn serve --port 8080",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8787, help="port to listen on (%(default)s)")
    parser.set_defaults(command=serve)


def serve(options: argparse.Namespace) -> int:
    settings = Settings.read()
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s:  %(message)s")
    try:
        access.require_protection(is_loopback(options.host), settings)
        listening = listen(options.host, options.port)
    except (access.NotProtected, OSError) as error:
        print(f"textfn serve: {error}", file=sys.stderr)
        return 1
    try:
        from functions.local import open_app

        app = open_app(settings, loopback=is_loopback(options.host))
    except ValueError as error:  # a BadManifest or a BadModel
        print(f"textfn serve: {error}", file=sys.stderr)
        return 1
    print(banner(settings, *listening.getsockname()[:2]), flush=True)
    config = uvicorn.Config(
        app, log_level=settings.log_level, timeout_graceful_shutdown=SECONDS_TO_FINISH
    )
    uvicorn.Server(config).run(sockets=[listening])
    return 0


def banner(settings: Settings, host: str, port: int) -> str:
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    needs_token = Access(settings).needs_token
    state = "API token needed" if needs_token else "open to everybody who reaches this address"
    lines = [f"textfn: {base} ({state}). Open it in a browser, or try:", ""]
    token = ' -H "Authorization: Bearer $TOKEN"' if needs_token else ""
    for example in json.loads(EXAMPLES.read_text("utf-8"))[:3]:  # one a task
        body = shlex.quote(json.dumps(example["body"]))
        lines += [f"# {example['title']}", f"curl {base}{example['path']}{token} -d {body}", ""]
    return "\n".join(lines)
