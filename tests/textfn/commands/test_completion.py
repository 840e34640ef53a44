"""`textfn completion`: the scripts are asked in their shells what they complete."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASH = """
source {script}
COMP_WORDS=({words}) COMP_CWORD={last} COMP_LINE="{words}" COMP_POINT=${{#COMP_LINE}}
$(complete -p textfn | grep -o -- "-F [^ ]*" | cut -c4-) textfn "{word}" ""
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def script(shell: str) -> str:
    command = [sys.executable, "-m", "textfn", "completion", shell]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("textfn mod", {"models"}),
        ("textfn models pu", {"pull", "push"}),
        ("textfn serve --p", {"--port"}),
        ("textfn models add --pooling c", {"cls"}),
    ],
)
def test_bash_completes_commands_options_and_choices(
    tmp_path: Path, words: str, offered: set[str]
) -> None:
    pytest.importorskip("shtab")
    (tmp_path / "textfn").write_text(script("bash"))
    last = len(words.split()) - 1
    code = BASH.format(script=tmp_path / "textfn", words=words, last=last, word=words.split()[-1])
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True)
    assert set(done.stdout.split()) == offered, done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_names_every_command_and_option(shell: str) -> None:
    pytest.importorskip("shtab")
    found = script(shell)
    for word in ("similarity", "evaluate", "completion", "tokens-per-second"):
        assert word in found
    if shutil.which(shell):
        done = subprocess.run([shell, "-n"], input=found, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_without_its_package_a_line_names_the_extra() -> None:
    code = "import sys; sys.modules['shtab'] = None; from textfn.__main__ import main; "
    code += "sys.exit(main(['completion', 'bash']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("textfn completion: the package shtab is not installed. Run pip")
