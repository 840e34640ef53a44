"""`textfn embed`, `classify` and `similarity` as a person runs them."""

import json
import os
import pty
import subprocess
import sys
from typing import Any

import pytest
from conftest import Server

TEXTFN = [sys.executable, "-m", "textfn"]


def run(*arguments: str | bytes, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*TEXTFN, *arguments], input=stdin, capture_output=True, timeout=60)


def lines(*arguments: str, stdin: bytes = b"") -> list[Any]:
    done = run(*arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_vectors_are_the_servers(server: Server) -> None:
    texts = ["This is a story about an orange cloud", "This is a story about a llama"]
    path = "/client/v4/accounts/me/ai/run/all-minilm-l6-v2"
    served = server.post(path, {"text": texts}).json["result"]["data"]
    answered = lines("embed", *texts)
    assert [each["text"] for each in answered] == texts
    assert [each["embedding"] for each in answered] == served


def test_labels_come_best_first() -> None:
    good, bad = lines("classify", "This pizza is great!", "This pizza is awful.")
    assert [each["label"] for each in good["labels"]] == ["POSITIVE", "NEGATIVE"]
    assert [each["label"] for each in bad["labels"]] == ["NEGATIVE", "POSITIVE"]
    assert sum(each["score"] for each in good["labels"]) == pytest.approx(1, abs=1e-6)


def test_a_close_sentence_scores_higher() -> None:
    dog, day = lines(
        "similarity", "--source", "a happy person", "a happy dog", "today is a sunny day"
    )
    assert dog["text"] == "a happy dog"
    assert 1 > dog["score"] > day["score"]


def test_lines_of_stdin_are_answered_in_order_and_none_is_left_out() -> None:
    texts = [f"text {number}" for number in range(600)] + [" ", "caf\u00e9"]
    stdin = "\r\n".join(texts).encode() + b"\n"
    answered = lines("embed", "--model", "tiny-embedder", stdin=stdin)
    assert [each["text"] for each in answered] == texts
    alone = lines("embed", "--model", "tiny-embedder", "text 599")
    assert alone[0] == answered[599]


@pytest.mark.parametrize("command", [["embed"], ["classify"], ["similarity", "--source", "a"]])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_an_empty_line_is_refused_as_the_server_refuses_an_empty_text(
    command: list[str], end: bytes
) -> None:
    done = run(*command, stdin=end.join([b"good", b"", b"bad"]))
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == ["good"]
    assert done.returncode == 1
    assert done.stderr.decode() == (
        f"textfn {command[0]}: text 2 is empty: remove it or give at least one character\n"
    )
    assert run(*command, "good", "").stderr == done.stderr


def test_an_empty_source_is_refused() -> None:
    done = run("similarity", "--source", "", "a")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--source is empty: give at least one character" in done.stderr


def test_no_text_is_no_answer() -> None:
    assert lines("embed") == []


def test_a_stand_in_is_told() -> None:
    done = run("similarity", "--model", "all-mpnet-base-v2", "--source", "a", "b")
    assert b"all-minilm-l6-v2" in done.stderr and b"stand-in for" in done.stderr


def test_a_cut_text_is_told() -> None:
    assert b"were cut" in run("embed", "word " * 600).stderr
    assert run("embed", "word " * 6).stderr == b""


@pytest.mark.parametrize(
    ("arguments", "stdin", "told"),
    [
        (["embed", "--model", "mfaq", "a"], b"", b"textfn models pull mfaq"),
        (["classify", "--model", "nothing", "a"], b"", b"No such model nothing"),
        (["embed", b"bad\xff"], b"", b"text 1 is not UTF-8"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str | bytes], stdin: bytes, told: bytes
) -> None:
    done = run(*arguments, stdin=stdin)
    assert (done.returncode, done.stdout) == (1, b"")
    assert told in done.stderr and done.stderr.count(b"\n") == 1


def test_what_comes_before_a_text_that_is_none_is_answered() -> None:
    for done in (
        run("embed", stdin=b"good\nbad\xff\ngood\n"),
        run("embed", "good", b"bad\xff", "good"),
    ):
        assert (done.returncode, done.stderr) == (
            1,
            b"textfn embed: text 2 is not UTF-8: invalid start byte\n",
        )
        assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == ["good"]


def test_a_reader_that_leaves_early_is_no_crash() -> None:
    with subprocess.Popen(
        [*TEXTFN, "embed", *["a"] * 300], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def on_a_terminal(*arguments: str, stdin: Any) -> tuple[int, str]:
    """Exit code and what the terminal shows that is stderr, and stdin if there is no other."""
    ours, terminal = pty.openpty()
    process = subprocess.Popen(
        [*TEXTFN, *arguments],
        stdin=terminal if stdin is None else stdin,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
    )
    process.wait(timeout=60)
    os.write(terminal, b"end")
    shown = b""
    while not shown.endswith(b"end"):
        shown += os.read(ours, 1024)
    os.close(ours)
    os.close(terminal)
    return process.returncode, shown.removesuffix(b"end").decode()


def test_a_terminal_shows_progress_of_long_input_only(tmp_path: Any) -> None:
    model = ["--model", "tiny-embedder"]
    (tmp_path / "long").write_text("a\n" * 600)
    (tmp_path / "short").write_text("a\n" * 200)
    with (tmp_path / "long").open() as long, (tmp_path / "short").open() as short:
        assert "600 texts" in on_a_terminal("embed", *model, stdin=long)[1]
        assert on_a_terminal("embed", *model, stdin=short) == (0, "")


def test_a_terminal_is_not_waited_for_in_silence() -> None:
    code, shown = on_a_terminal("embed", stdin=None)
    assert code == 2
    assert "give texts as arguments, or lines on stdin" in shown


@pytest.mark.parametrize("command", ["embed", "classify", "similarity"])
def test_the_help_has_an_example_and_exit_codes(command: str) -> None:
    shown = run(command, "--help").stdout.decode()
    assert f"example: textfn {command} " in shown
    assert "exit codes: 0 done; 1 failed" in shown
    assert "{" in shown and '"text": str' in shown
