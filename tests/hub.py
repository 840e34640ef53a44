"""A server on loopback that answers as the Hugging Face Hub does, one repository, one commit.

Big files (LFS) redirect to another host, as the Hub's do to its CDN, with their sha256 and size in
x-linked-etag and x-linked-size; small ones come at once with git's sha1 as their ETag.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

REPOSITORY = "test/tiny"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
LFS = {"model.safetensors"}


class Request(NamedTuple):
    method: str
    host: str
    name: str
    range: str
    token: str


class Hub(ThreadingHTTPServer):
    """A file's entry in these changes its answers: `status` refuses it, with an error `code`; `cut`
    ends its body after so many bytes, once per number; `stall` waits after so many bytes; `lie` is
    sent under the right digest."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.status: dict[str, int] = {}
        self.code: dict[str, str] = {}
        self.cut: dict[str, list[int]] = {}
        self.stall: dict[str, int] = {}
        self.stalled, self.go_on = threading.Event(), threading.Event()
        self.lie: dict[str, bytes] = {}
        self.seen: list[Request] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bodies(self, name: str) -> list[str]:
        """Return the ranges of the requests for a file's bytes."""
        return [
            each.range
            for each in self.seen
            if each.name == name and each.method == "GET" and each.host == "localhost"
        ]


class Answer(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        hub, (path, _, name) = self.server, self.path.rpartition("/")
        host = self.headers["Host"].partition(":")[0]
        asked, token = self.headers.get("Range", ""), self.headers.get("Authorization", "")
        hub.seen.append(Request(self.command, host, name, asked, token))
        if name in hub.status:
            code = {"X-Error-Code": hub.code[name]} if name in hub.code else {}
            return self._head(hub.status[name], **code, **{"Content-Length": "0"})
        if name not in hub.files:
            return self._head(404, **{"X-Error-Code": "EntryNotFound", "Content-Length": "0"})
        if path == "/cdn":
            return self._send(name)
        if path not in (f"/{REPOSITORY}/resolve/{COMMIT}", f"/{REPOSITORY}/resolve/main"):
            return self._head(404, **{"X-Error-Code": "RevisionNotFound", "Content-Length": "0"})
        content = hub.files[name]
        if name in LFS:
            return self._redirect(name, content)
        header = b"blob %d\0" % len(content)
        self._send(name, ETag=f'"{hashlib.sha1(header + content).hexdigest()}"')

    def _redirect(self, name: str, content: bytes) -> None:
        self._head(
            302,
            **{
                "Location": f"http://localhost:{self.server.port}/cdn/{name}",
                "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
                "X-Linked-Size": str(len(content)),
                "Content-Length": "0",
            },
        )

    def _send(self, name: str, **headers: str) -> None:
        content = self.server.lie.get(name, self.server.files[name])
        start = int(self.headers.get("Range", "bytes=0-").split("=")[1].split("-")[0])
        if start >= len(content):
            return self._head(416, **{"Content-Length": "0"})
        rest = content[start:]
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._head(206 if start else 200, **headers, **{"Content-Length": str(len(rest))})
        if self.command == "GET":
            if name in self.server.stall:
                first = self.server.stall[name]
                self.wfile.write(rest[:first])
                rest = rest[first:]
                self.server.stalled.set()
                self.server.go_on.wait(30)
            cuts = self.server.cut.get(name, [])
            self.wfile.write(rest[: cuts.pop(0)] if cuts else rest)
            self.close_connection = self.close_connection or bool(cuts) or name in self.server.cut

    def _head(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header, value)
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()


@contextmanager
def running(folder: Path) -> Iterator[Hub]:
    with Hub(folder) as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            hub.go_on.set()
            hub.shutdown()
            thread.join()
