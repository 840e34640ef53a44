"""`textfn serve` as a person runs it."""

import hashlib
import json
import os
import re
import socket
import subprocess
import urllib.request

import ssm
from running import SERVE, serving


def curls(banner: str) -> list[tuple[str, str]]:
    """URL and body of each curl line."""
    return re.findall(r"^curl (\S+) .*?-d '([^']*)'$", banner, re.MULTILINE)


def test_the_printed_curl_lines_work_as_printed() -> None:
    with serving() as (_, banner):
        assert len(curls(banner)) == 3
        for line in re.findall(r"^curl .*$", banner, re.MULTILINE):
            done = subprocess.run(
                line.replace("curl", "curl -sf", 1), shell=True, capture_output=True
            )
            assert done.returncode == 0, line
            assert json.loads(done.stdout)


def test_the_banner_says_who_may_use_the_service() -> None:
    with serving() as (_, banner):
        assert "open to everybody who reaches this address" in banner
    with serving(TEXTFN_TOKENS="ab" * 32) as (base, banner):
        assert "API token needed" in banner
        assert 'Authorization: Bearer $TOKEN"' in banner
        assert urllib.request.urlopen(f"{base}/health").status == 200


def test_the_api_tokens_may_be_in_ssm() -> None:
    parameter = ssm.Parameter(hashlib.sha256(b"mine").hexdigest())
    with ssm.running(parameter) as environment:
        with serving(TEXTFN_TOKENS_PARAMETER="/textfn/tokens", **environment) as (base, banner):
            assert "API token needed" in banner
            assert parameter.reads == 1  # at the start
            assert urllib.request.urlopen(f"{base}/health").status == 200
            asked = urllib.request.Request(
                f"{base}/embed", b'{"inputs": "a"}', {"authorization": "Bearer mine"}
            )
            assert urllib.request.urlopen(asked).status == 200


def failed(*options: str, **environment: str) -> str:
    """What is printed by a `textfn serve` that does not start."""
    done = subprocess.run(
        [*SERVE, *options], env=os.environ | environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


def test_it_is_not_open_to_a_network_unless_somebody_said_so() -> None:
    assert "TEXTFN_TOKENS" in failed("--host", "0.0.0.0", "--port", "0")


def test_a_busy_port_is_a_plain_message() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        message = failed("--port", str(busy.getsockname()[1]))
    assert "Choose another --port" in message
    assert len(message.splitlines()) == 1


def test_an_impossible_port_is_a_plain_message() -> None:
    assert "cannot listen" in failed("--port", "99999")


def test_a_wrong_setting_is_a_plain_message() -> None:
    message = failed(TEXTFN_MAX_TEXTS="many")
    assert "TEXTFN_MAX_TEXTS is 'many'. Set it to a whole number of 1 or more." in message
