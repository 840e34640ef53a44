"""What a function does beside answering: nothing."""

import subprocess
import sys
import time

from conftest import Bundle, Bundles, figures
from events import event
from function import Function, sandboxed
from test_runtime_api import CATALOGUE, EMBEDDINGS, REQUESTS

SECONDS = 15  # onnxruntime's telemetry, where it is on, asks for its maker's name after 10


def test_the_resolver_hears_who_asks(looked_up: list[str]) -> None:
    code = "import socket; socket.getaddrinfo('heard.example', 443)"
    asked = subprocess.run(sandboxed([sys.executable, "-c", code]), capture_output=True)
    assert b"gaierror" in asked.stderr
    assert "heard.example" in looked_up


def test_no_name_is_looked_up(bundles: Bundles, looked_up: list[str]) -> None:
    looked_up.clear()
    with bundles[EMBEDDINGS].running() as function:
        function.wait_until_ready()
        start = time.monotonic()
        while time.monotonic() < start + SECONDS:
            outcome = function.invoke(event("HTTP API", *REQUESTS[EMBEDDINGS]))
            assert outcome.body["statusCode"] == 200
            time.sleep(1)
        assert (looked_up, function.stderr) == ([], "")


def test_what_a_start_takes(bundle: Bundle, bundles: Bundles) -> None:
    """A figure, not a bound: processors differ. The ratio to onnxruntime alone does not."""
    alone = onnxruntime_alone(bundles)
    seconds, peak = 60.0, 0
    for _ in range(3):
        with bundle.running() as function:
            function.wait_until_ready()
            for _ in range(5):
                function.invoke(event("HTTP API", *REQUESTS[bundle.name]))
            seconds, peak = min(seconds, function.init_cpu_seconds), function.peak_bytes()
    figures.append(
        f"{bundle.name}: init {seconds:.2f} CPU s ({seconds / alone[0]:.1f} of onnxruntime alone), "
        f"peak {peak / 1e6:.0f} MB ({peak / alone[1]:.1f})"
    )


def onnxruntime_alone(bundles: Bundles) -> tuple[float, int]:
    """CPU seconds and peak bytes of a process that imports it, from the same files."""
    folder = bundles[EMBEDDINGS].folder
    code = (
        "import os, sys, time; os.environ['ORT_DISABLE_TELEMETRY'] = '1'; "
        f"sys.path.insert(0, {str(folder)!r}); import onnxruntime; "
        "print(time.process_time(), *[line.split()[1] for line in open('/proc/self/status') "
        "if line.startswith('VmHWM')])"
    )
    command = sandboxed([sys.executable, "-I", "-S", "-B", "-c", code])
    runs = [subprocess.run(command, capture_output=True, text=True).stdout for _ in range(3)]
    seconds = min(float(each.split()[0]) for each in runs)
    return seconds, int(runs[0].split()[1]) * 1024


def test_the_catalogue_is_far_below_the_others(bundles: Bundles) -> None:
    def peak(name: str) -> int:
        function: Function
        with bundles[name].running() as function:
            function.wait_until_ready()
            return function.peak_bytes()

    assert peak(CATALOGUE) * 2 < peak(EMBEDDINGS)
