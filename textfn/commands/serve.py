"""`textfn serve`: every function on this machine, at one address."""

import argparse
import json
import logging
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from textfn.layout import ROOT
from textfn.listening import is_loopback, listen
from textfn.parser import Parser

if TYPE_CHECKING:  # the help is shown without uvicorn
    import uvicorn

SECONDS_TO_FINISH = 10  # for the requests that are being computed when a SIGTERM comes
EXAMPLES = ROOT / "functions" / "examples.json"


def add_arguments(parser: Parser) -> None:
    parser.description = (
        "Serve all functions at one address. Without API tokens (TEXTFN_TOKENS) the server\n"
        "listens on loopback addresses only, unless TEXTFN_AUTH=none."
    )
    parser.epilog = (
        "example: textfn serve --port 8080\n\n"
        "exit codes: 1 not started; 2 wrong command or setting; 130 stopped (Ctrl-C);\n"
        "143 stopped (SIGTERM)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8787, help="port to listen on (%(default)s)")
    parser.set_defaults(run=serve)


def serve(options: argparse.Namespace) -> int:
    import uvicorn

    from functions.local import open_app
    from shared.http.access import Access, require_protection
    from shared.settings import Settings

    settings, loopback = Settings.read(), is_loopback(options.host)
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s:  %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)  # it tells where it found credentials
    require_protection(loopback, settings)
    listening = listen(options.host, options.port)
    app = open_app(settings, loopback=loopback)
    protected = Access(settings).needs_token
    config = uvicorn.Config(
        app, log_level=settings.log_level, timeout_graceful_shutdown=SECONDS_TO_FINISH
    )
    server = uvicorn.Server(config)
    with _interruptible(server):
        print(banner(*listening.getsockname()[:2], protected=protected), flush=True)
        server.run(sockets=[listening])
    return 0


@contextmanager
def _interruptible(server: "uvicorn.Server") -> Iterator[None]:
    """Let Ctrl-C end the server at any moment, and raise KeyboardInterrupt when it has ended.

    uvicorn handles signals only once its event loop runs. An exception while asyncio makes the loop
    would print the traceback of a loop that is half made.
    """
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = server.should_exit = True

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if stopped:
        raise KeyboardInterrupt


def banner(host: str, port: int, *, protected: bool) -> str:
    """Return the address and a request per task that can be pasted into a shell."""
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    state = "API token needed" if protected else "open to everybody who reaches this address"
    lines = [f"textfn: {base} ({state}). Open it in a browser, or try:", ""]
    token = ' -H "Authorization: Bearer $TOKEN"' if protected else ""
    for example in json.loads(EXAMPLES.read_text("utf-8"))[:3]:  # one per task
        body = shlex.quote(json.dumps(example["body"]))
        lines += [f"# {example['title']}", f"curl {base}{example['path']}{token} -d {body}", ""]
    return "\n".join(lines)
