"""A stand-in for AWS's SSM on loopback, which boto3 reaches by AWS_ENDPOINT_URL_SSM."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Parameter:
    """A SecureString. Clear `answers` to let every reader wait."""

    def __init__(self, value: str) -> None:
        self.value, self.answers, self.reads = value, threading.Event(), 0
        self.answers.set()


@contextmanager
def running(parameter: Parameter) -> Iterator[dict[str, str]]:
    """Give the environment of a process that reads the parameter here."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            parameter.reads += 1
            parameter.answers.wait(30)
            body = json.dumps({"Parameter": {"Name": "x", "Value": parameter.value}}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {
            "AWS_ENDPOINT_URL_SSM": f"http://127.0.0.1:{server.server_port}",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests",
        }
        parameter.answers.set()
        server.shutdown()
