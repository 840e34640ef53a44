"""`textfn serve`: every function on this machine, at one address."""

import argparse
import ipaddress
import json
import logging
import shlex
import socket
import sys
from typing import Any

import uvicorn

from shared.http import access
from shared.settings import settings
from textfn.layout import ROOT

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
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s:  %(message)s")
    try:
        access.require_protection(is_loopback(options.host), settings)
        listening = listen(options.host, options.port)
    except (access.NotProtected, OSError) as error:
        print(f"textfn serve: {error}", file=sys.stderr)
        return 1
    try:
        from functions.local import app  # opens the models
    except ValueError as error:  # a BadManifest or a BadModel
        print(f"textfn serve: {error}", file=sys.stderr)
        return 1
    print(banner(*listening.getsockname()[:2]), flush=True)
    config = uvicorn.Config(
        app, log_level=settings.log_level, timeout_graceful_shutdown=SECONDS_TO_FINISH
    )
    uvicorn.Server(config).run(sockets=[listening])
    return 0


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError with a text that says what to do."""
    try:
        listening = socket.create_server((host, port), family=_family(host), backlog=2048)
        # Its connections inherit it. asyncio sets it only on sockets that name their protocol, and
        # without it each answer but the first of a connection waits 40 ms for the client's ACK.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OSError(f"cannot listen on {host}:{port}: {reason}. Try another port.") from None


def banner(host: str, port: int) -> str:
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    state = "a token is needed" if settings.tokens else "open to everybody who reaches this address"
    lines = [f"textfn: {base} ({state}). Open it in a browser, or try:", ""]
    token = ' -H "Authorization: Bearer $TOKEN"' if settings.tokens else ""
    for example in json.loads(EXAMPLES.read_text("utf-8"))[:3]:  # one a task
        body = shlex.quote(json.dumps(example["body"]))
        lines += [f"# {example['title']}", f"curl {base}{example['path']}{token} -d {body}", ""]
    return "\n".join(lines)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
