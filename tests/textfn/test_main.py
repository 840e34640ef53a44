"""The words of the command line: fast to show, and kind to whoever mistypes them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from graphs import ROOT

from shared.version import VERSION
from textfn.__main__ import main

HEAVY = {"numpy", "onnxruntime", "tokenizers", "starlette", "uvicorn", "huggingface_hub", "httpx2"}
HEAVY |= {"orjson", "mangum", "onnx", "boto3", "shtab", "fcntl"}
MODULES = """
import sys
from textfn.__main__ import main
try:
    code = main(sys.argv[1:])
except SystemExit as stopped:
    code = stopped.code
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""
HELPS = [
    [],
    ["models"],
    ["token"],
    *[[word] for word in "serve embed classify similarity bundle doctor cost completion".split()],
    *[["models", word] for word in "list pull add push remove verify evaluate".split()],
    ["token", "new"],
]


def textfn(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "textfn", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["token", "new"], *([*each, "--help"] for each in HELPS)]
)
def test_help_version_and_token_import_no_library(words: list[str]) -> None:
    command = [sys.executable, "-c", MODULES, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert not HEAVY & set(done.stderr.split())


def test_only_the_module_of_the_called_command_is_imported() -> None:
    command = [sys.executable, "-c", MODULES, "token", "new"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    found = {name for name in done.stderr.split() if name.startswith("textfn.commands.")}
    assert found == {"textfn.commands.token"}


def test_the_version_is_the_one_of_the_code() -> None:
    assert textfn("--version").stdout == f"textfn {VERSION}\n"


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["token", "new"], ["doctor"], ["embed", "--help"]]
)
def test_a_bad_setting_stops_no_help(words: list[str]) -> None:
    done = textfn(*words, TEXTFN_MAX_TEXTS="many")
    assert done.returncode == (1 if words == ["doctor"] else 0)
    assert done.stdout and done.stderr == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["serv"], "textfn: there is no command serv; did you mean serve? See textfn --help."),
        (
            ["models", "pul"],
            "textfn models: there is no command pul; did you mean pull? See textfn models --help.",
        ),
        (
            ["serve", "--prot", "1"],
            "textfn serve: there is no option --prot; did you mean --port? "
            "See textfn serve --help.",
        ),
        (["help", "bundel"], "textfn: there is no command bundel; did you mean bundle?"),
        (["zzz"], "textfn: there is no command zzz, only serve, embed, classify"),
        (["token", "new", "x"], "textfn token new: the argument x is one too many."),
        (["similarity", "a"], "the following arguments are required: --source."),
        (["cost", "--memory", "64"], "argument --memory: 64 is not between 128 and 10,240."),
    ],
)
def test_a_mistyped_word_is_answered_with_the_right_one(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    found = capsys.readouterr()
    assert told in found.err and found.err.count("\n") == 1 and found.out == ""


@pytest.mark.parametrize("words", [[], ["models"], ["token"]])
def test_a_word_without_its_command_shows_the_commands(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert "commands:" in capsys.readouterr().err


@pytest.mark.parametrize("words", HELPS)
def test_help_is_the_option_of_the_command(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = []
    for asked in (["help", *words], [*words, "--help"]):
        with pytest.raises(SystemExit) as stopped:
            main(asked)
        assert stopped.value.code == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    command = " ".join(["textfn", *words])
    assert shown[0].startswith(f"usage: {command} ")
    if words not in ([], ["models"], ["token"]):
        assert f"example: {command}" in shown[0]
        assert re.search("^exit codes?:", shown[0], re.MULTILINE)


def test_bundling_needs_nothing_installed(tmp_path: Path) -> None:
    """The Makefile calls it with a bare Python: -S leaves out every package."""
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    code += "from textfn.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-I", "-S", "-c", code, str(ROOT), "bundle", "nothing"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("textfn bundle: nothing is no bundle; there are ")


def test_output_that_cannot_be_written_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "textfn", "models", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (
        1,
        "textfn models list: No space left on device\n",
    )


def test_closed_streams_are_no_crash() -> None:
    script = f"{sys.executable} -m textfn embed --model tiny-embedder <&- ; echo $?"
    done = subprocess.run(script, shell=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("0\n", "")
