"""`make soak`: send good and hostile requests to a real local server, and write soak.md.

Eight clients keep their connections open, as a pool of an application does. After
fifteen minutes the rest is left out, and the number of requests that were sent is printed.
"""

import argparse
import http.client
import json
import os
import platform
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
SENTENCES = (HERE / "sentences.txt").read_text("utf-8").splitlines()
CLIENTS = 8
MOST_SECONDS = 900

RUN = "/client/v4/accounts/me/ai/run/all-minilm-l6-v2"
CLASSIFY = "/client/v4/accounts/me/ai/run/@cf/huggingface/distilbert-sst-2-int8"
BARE = "/models/sentence-transformers/all-MiniLM-L6-v2"
PATHS = [(RUN, "text"), (BARE, "inputs"), ("/v1/embeddings", "input"), ("/embed", "inputs")]
Request = tuple[str, str, bytes, dict[str, str]]


def good(rng: random.Random) -> Request:
    """Make a request of one to eight sentences, in any dialect, for any task."""
    texts = rng.sample(SENTENCES, rng.randint(1, 8))
    path, field = rng.choice(PATHS)
    model = {"model": "all-minilm-l6-v2"} if path == "/v1/embeddings" else {}
    choices: list[tuple[str, object]] = [
        (path, {field: texts, **model}),
        (RUN, {"source": texts[0], "sentences": texts}),
        (BARE, {"inputs": {"source_sentence": texts[0], "sentences": texts}}),
        (CLASSIFY, {"text": texts[0]}),
        ("/models/minilm-l6-sst2-int8", {"inputs": texts}),
        ("/tokenize", {"inputs": texts}),
    ]
    path, body = rng.choice(choices)
    headers = {"x-use-cache": rng.choice(["true", "false"])}
    return "POST", path, json.dumps(body).encode(), headers


def hostile(rng: random.Random) -> Request:
    """Make a request like those of the tests in tests/hostile/."""
    path, field = rng.choice(PATHS)
    word = rng.choice(["q" * 100 + " ", ".", "\u6f22", "a", "e\u0301", "[CLS]", " "])
    bodies = [
        b"",
        b"hello",
        b"[" * rng.randint(1, 100_000),
        b'{"%s": "\\ud800"}' % field.encode(),
        b'{"%s": ["a", %d]}' % (field.encode(), rng.randint(0, 9)),
        b'{"%s": [%s""]}' % (field.encode(), b'"",' * 5_000),
        b"{%s}" % b",".join(b'"k%d":0' % index for index in range(2_000)),
        bytes(rng.randrange(256) for _ in range(rng.randint(1, 200))),
        json.dumps({field: word * rng.randint(1, 20_000)}).encode(),
        json.dumps({field: ["a"] * rng.choice([101, 2_049])}).encode(),
    ]
    method = rng.choices(["POST", "GET", "DELETE"], [20, 1, 1])[0]
    path = rng.choices([path, "/" + "%2e%2e/" * 5, RUN + "x", "/nowhere"], [20, 1, 1, 1])[0]
    headers = [{}, {"content-encoding": "gzip"}, {"authorization": "Bearer \xff"}]
    chosen = rng.choices(headers, [10, 1, 1])[0]
    return method, path, rng.choice(bodies), {"x-use-cache": "false", **chosen}


class Client(threading.Thread):
    """Sends its part of the requests, one after the other, and keeps the statuses and times."""

    def __init__(self, port: int, seed: int, requests: int, until: float) -> None:
        super().__init__()
        self.port, self.rng = port, random.Random(seed)
        self.requests, self.until = requests, until
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        for _ in range(self.requests):
            if time.monotonic() > self.until:
                break
            method, path, body, headers = self.rng.choice([good, hostile])(self.rng)
            start = time.perf_counter()
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            self.seconds.append(time.perf_counter() - start)
            self.statuses[answer.status] += 1
        connection.close()


def resident(process: int) -> float:
    """Return the MiB of a process that are in memory, by Linux's /proc."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else float("nan")


def soak(requests: int) -> str:
    environment = os.environ | {"TEXTFN_LOG_LEVEL": "error"}
    command = [sys.executable, "-m", "textfn", "serve", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)
    assert server.stdout
    found = re.search(r":(\d+) ", server.stdout.readline())
    assert found
    start, memory = time.monotonic(), [resident(server.pid)]
    share = requests // CLIENTS
    port, alive = int(found[1]), []
    clients = [Client(port, seed, share, start + MOST_SECONDS) for seed in range(CLIENTS)]
    for client in clients:
        client.start()
    while any(client.is_alive() for client in clients):
        time.sleep(0.2)
        alive.append(livez(port))
        if sum(len(each.seconds) for each in clients) >= len(memory) * requests / 10:
            memory.append(resident(server.pid))
    seconds = time.monotonic() - start
    server.terminate()
    server.communicate()
    return report(clients, seconds, memory, alive)


def livez(port: int) -> float:
    """Return the seconds until a busy server says that it is alive, on a new connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    start = time.perf_counter()
    connection.request("GET", "/livez")
    connection.getresponse().read()
    connection.close()
    return time.perf_counter() - start


def report(clients: list[Client], seconds: float, memory: list[float], alive: list[float]) -> str:
    statuses = sum((client.statuses for client in clients), Counter[int]())
    times = sorted(second for client in clients for second in client.seconds)
    errors = sum(count for status, count in statuses.items() if status >= 500 or status == 424)
    lines = [
        "# Soak",
        "",
        "`make soak` sends requests to a local server: half are good, half are hostile, in all",
        "dialects. Eight clients send them from the same machine.",
        "",
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, "
        f"Python {platform.python_version()}.",
        "",
        "| figure | value |",
        "|---|---|",
        f"| requests | {len(times):,} in {seconds:.0f} s |",
        *(f"| answers with {status} | {statuses[status]:,} |" for status in sorted(statuses)),
        f"| answers with 5xx, or TEI's 424 | {errors} |",
        f"| resident memory at the start | {memory[0]:.0f} MiB |",
        f"| resident memory after each tenth of the requests, MiB "
        f"| {', '.join(f'{each:.0f}' for each in memory[1:])} |",
        f"| time per answer, median and 99 % | {milliseconds(times)} |",
        f"| time per answer of `/livez` under this load, median and 99 % "
        f"| {milliseconds(sorted(alive))} |",
        "",
    ]
    return "\n".join(lines)


def milliseconds(times: list[float]) -> str:
    """Format the median and the 99th percentile of sorted seconds."""
    return " and ".join(f"{times[int(len(times) * share)] * 1000:.1f} ms" for share in (0.5, 0.99))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    figures = soak(parser.parse_args().requests)
    (HERE / "soak.md").write_text(figures, "utf-8")
    print(figures)
