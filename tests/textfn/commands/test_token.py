import json
import os
import re
import subprocess
import sys
from hashlib import sha256


def textfn(*arguments: str) -> str:
    command = [sys.executable, "-m", "textfn", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_new_token_is_shown_with_its_hash_and_is_never_the_same() -> None:
    first, second = (json.loads(textfn("token", "new", "--json")) for _ in range(2))
    assert first["sha256"] == sha256(first["token"].encode()).hexdigest()
    assert first["token"] != second["token"]


SERVED = """
import sys
from functions.catalogue import app
from shared.http.lambda_adapter import start
from shared.names import Catalogue
from starlette.testclient import TestClient
start(app, Catalogue.read)
client = TestClient(app)
for token in sys.argv[1:]:
    headers = {"authorization": f"Bearer {token}"}
    print(client.get("/v1/models", headers=headers).status_code, file=sys.stderr)
"""


def test_a_service_with_the_printed_setting_knows_the_token() -> None:
    printed = textfn("token", "new")
    token = re.search(r"textfn_\S+", printed)[0]
    name, value = re.search(r"^(TEXTFN_TOKENS)=(\w+)$", printed, re.MULTILINE).groups()
    command = [sys.executable, "-c", SERVED, token, f"{token}x"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {name: value})
    assert done.stderr.split() == ["200", "401"], done.stderr
