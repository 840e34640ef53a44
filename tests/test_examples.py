"""What is in examples/, run as it is."""

import os
import subprocess

import pytest
from conftest import TESTS, Server


@pytest.mark.parametrize("name", ["ai-binding"])
def test_a_node_example_passes_its_tests(server: Server, name: str) -> None:
    done = subprocess.run(
        ["node", "--test", str(TESTS / f"{name}.test.mjs")],
        env=os.environ | {"TEXTFN_URL": server.url},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    assert "# pass 4" in done.stdout


def test_every_example_is_run() -> None:
    examples = {path.name for path in (TESTS.parent / "examples").iterdir()}
    assert examples == {"ai-binding.mjs"}
