"""The page about strangers names tests that exist, and the suite is shut off from the network."""

import re
import subprocess
import sys

import pytest
from conftest import TESTS

PAGE = (TESTS.parent / "docs" / "hardening.md").read_text("utf-8")


def test_every_test_that_is_named_exists() -> None:
    written = "\n".join(path.read_text("utf-8") for path in TESTS.rglob("test_*.py"))
    names = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(names) > 40
    assert {name for name in names if f"def {name}(" not in written} == set()


def test_every_case_has_a_row() -> None:
    numbers = {int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    assert numbers == set(range(1, 36))


CONNECTING = [
    "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)",
    "import socket; socket.socket().connect_ex(('192.0.2.1', 80))",
    "import socket; socket.getaddrinfo('example.com', 80)",
    "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'a', ('192.0.2.1', 53))",
    "import urllib.request; urllib.request.urlopen('http://192.0.2.1/')",
]


@pytest.mark.parametrize("code", CONNECTING)
def test_a_server_of_the_tests_cannot_reach_the_network(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert "the tests reach loopback alone" in done.stderr


def test_a_server_of_the_tests_reaches_loopback() -> None:
    code = """
import socket
listening = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listening.getsockname(), timeout=5)
socket.getaddrinfo("localhost", 80)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
