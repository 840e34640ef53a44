"""Starts a bundle's function and calls each of its routes once: `smoke.py FOLDER FUNCTION MODEL`.

`textfn bundle` runs it in a Python that sees the bundle and nothing else: -I -S, no HOME.
"""

import importlib
import json
import re
import sys
import time
from pathlib import Path

EXPECTED: dict[str, list[tuple[str, object, int]]] = {
    "text-embeddings": [
        ("{run}", {"text": ["a story", "another"]}, 200),
        ("/embed", {"inputs": "a story"}, 200),
        ("/tokenize", {"inputs": "a story"}, 200),
    ],
    "sentence-similarity": [
        ("{run}", {"source": "a story", "sentences": ["another"]}, 200),
        ("{run}", {"text": "a story"}, 200),
    ],
    "text-classification": [
        ("{run}", {"text": "a fine story"}, 200),
        ("/predict", {"inputs": "a fine story"}, 200),
    ],
    "catalogue": [("/nowhere", {}, 404)],
}
# A wrong name is compared with the known ones by a module that nothing else imports.
WRONG = ("/client/v4/accounts/smoke/ai/nowhere", {"text": "a"}, 404)


def main(folder: str, function: str, model: str) -> None:
    sys.path[:] = [folder, *[path for path in sys.path if path]]
    module = importlib.import_module(f"functions.{function.replace('-', '_')}")
    seconds = time.process_time()
    for path, body, status in [*EXPECTED[function], WRONG]:
        path = path.format(run=f"/client/v4/accounts/smoke/ai/run/{model}")
        answer = module.handler(event(path, body), None)
        if answer["statusCode"] != status:
            raise SystemExit(
                f"{path} answered {answer['statusCode']}, not {status}: {answer['body']}"
            )
    print(json.dumps({"init_cpu_seconds": round(seconds, 3), "peak_bytes": peak_bytes()}))


def peak_bytes() -> int:
    """Return the peak of this program alone: getrusage would count memory before its exec too."""
    found = re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[0]) * 1024


def event(path: str, body: object) -> dict[str, object]:
    """Return a POST as an HTTP API or a function URL sends it."""
    http = {"method": "POST", "path": path, "sourceIp": "192.0.2.1", "protocol": "HTTP/1.1"}
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "localhost", "content-type": "application/json"},
        "requestContext": {"http": http, "stage": "$default", "requestId": "smoke"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
