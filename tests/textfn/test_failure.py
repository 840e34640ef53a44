"""Whatever a person gets wrong is one line on stderr and an exit code, for every command."""

import gzip
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import encoders
import pytest
from graphs import ROOT, TINY_MODELS
from hub import running
from pulling import CHECKPOINT, Pull

# Every command with words that are right, so that what is around it can be wrong.
COMMANDS = {
    "embed": ["a"],
    "classify": ["a"],
    "similarity": ["--source", "a", "b"],
    "cost": [],
    "bundle": ["catalogue", "text-embeddings=tiny-embedder"],
    "serve": ["--port", "0"],
    "models list": [],
    "models pull": ["tiny-embedder"],
    "models add": ["."],
    "models push": ["tiny-embedder", "s3://my-bucket/models"],
    "models remove": ["tiny-embedder"],
    "models verify": [],
    "models evaluate": ["tiny-embedder", "nowhere.tsv"],
}
AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
}


def textfn(
    *words: str, stdin: bytes = b"", blocked: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command as a person does; `blocked` is a package that is not installed there."""
    block = f"sys.modules[{blocked!r}] = None; " if blocked else ""
    code = f"import sys; {block}from textfn.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        input=stdin,
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        timeout=60,
    )
    return subprocess.CompletedProcess(
        words, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def told(done: subprocess.CompletedProcess[str], prog: str, code: int) -> str:
    """The one line that a command ends with."""
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith(f"textfn {prog}: ")
    assert done.returncode == code, done.stderr
    return done.stderr


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder of models beside the bundled ones, to be spoiled."""
    shutil.copytree(TINY_MODELS / "tiny-embedder", tmp_path / "models" / "tiny-embedder")
    return tmp_path / "models"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_bad_setting_ends_every_command_with_its_name(command: str) -> None:
    done = textfn(*command.split(), *COMMANDS[command], TEXTFN_MAX_TEXTS="many")
    assert "TEXTFN_MAX_TEXTS is 'many'. Set it to a whole number of 1 or more." in told(
        done, command, 2
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "harm", [lambda path: path.write_text("id = "), replace_by_folder], ids=["TOML", "folder"]
)
def test_a_bad_manifest_ends_every_command_with_its_path(
    models: Path, command: str, harm: Callable[[Path], None]
) -> None:
    harm(models / "tiny-embedder" / "manifest.toml")
    done = textfn(*command.split(), *COMMANDS[command], TEXTFN_MODELS_DIR=str(models))
    assert "tiny-embedder/manifest.toml: " in told(done, command, 1)


@pytest.mark.parametrize("command", ["embed", "similarity", "cost", "serve"])
@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
@pytest.mark.parametrize(
    "harm", [lambda path: path.write_text("{}"), replace_by_folder], ids=["content", "folder"]
)
def test_a_broken_file_of_a_model_is_named(
    models: Path, command: str, name: str, harm: Callable[[Path], None]
) -> None:
    harm(models / "tiny-embedder" / name)
    chosen = ["tiny-embedder"] if command == "cost" else ["--model", "tiny-embedder"]
    words = [command, *COMMANDS[command], *(chosen if command != "serve" else [])]
    done = textfn(*words, TEXTFN_MODELS_DIR=str(models))
    assert f"tiny-embedder/{name}" in told(done, command, 1)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
@pytest.mark.parametrize(
    "harm", [lambda path: path.write_text("{}"), replace_by_folder], ids=["content", "folder"]
)
def test_verify_and_doctor_name_a_broken_file(
    models: Path, name: str, harm: Callable[[Path], None]
) -> None:
    harm(models / "tiny-embedder" / name)
    verified = textfn("models", "verify", "tiny-embedder", TEXTFN_MODELS_DIR=str(models))
    assert (verified.returncode, verified.stderr.count("\n")) == (1, 1)
    assert name in verified.stderr and "Traceback" not in verified.stderr
    diagnosed = textfn("doctor", TEXTFN_MODELS_DIR=str(models))
    assert (diagnosed.returncode, diagnosed.stderr) == (1, "")
    assert re.search(f"^fail  tiny-embedder: .*{name}$", diagnosed.stdout, re.MULTILINE)


@pytest.mark.parametrize("command", ["embed", "serve"])
def test_a_bucket_that_cannot_be_reached_is_named(command: str) -> None:
    where = {"TEXTFN_MODEL_BUCKET": "s3://my-bucket/models", "TEXTFN_MODEL": "mfaq"}
    done = textfn(command, *COMMANDS[command], **AWS, **where)
    assert "s3://my-bucket/models/mfaq/manifest.toml: " in told(done, command, 1)


@pytest.mark.parametrize(
    ("command", "words", "blocked", "extra"),
    [
        ("models pull", ["mfaq"], "huggingface_hub", "textfn[models]"),
        ("models add", ["."], "onnx", "textfn[models]"),
        ("models push", ["tiny-embedder", "s3://my-bucket/models"], "boto3", "textfn[aws]"),
        ("embed", ["a"], "onnxruntime", "textfn"),
        ("serve", ["--port", "0"], "uvicorn", "textfn"),
    ],
)
def test_a_missing_package_is_told_with_the_extra_that_has_it(
    command: str, words: list[str], blocked: str, extra: str
) -> None:
    line = told(textfn(*command.split(), *words, blocked=blocked), command, 1)
    assert f"the package {blocked} is not installed. Run pip install '{extra}" in line


LATIN = b"caf\xe9\n"
BAD_WORDS = [
    ("embed", ["--model", "mfaq", "a"], b"", 1, "textfn models pull mfaq"),
    ("classify", ["--model", "nothing", "a"], b"", 1, "No such model nothing"),
    ("embed", [], LATIN, 1, "text 1 is not UTF-8"),
    ("classify", [], LATIN, 1, "text 1 is not UTF-8"),
    ("similarity", ["--source", "a"], LATIN, 1, "text 1 is not UTF-8"),
    ("cost", ["nothing"], b"", 1, "No such model nothing"),
    ("cost", ["--tokens-per-second", "nan"], b"", 2, "--tokens-per-second: nan is not between"),
    ("cost", ["--tokens-per-second", "1e-320"], b"", 2, "is not between"),
    ("bundle", ["text-embeddings=nothing"], b"", 1, "No such model nothing"),
    ("bundle", ["--folder", "pyproject.toml"], b"", 1, "--folder takes one function"),
    ("serve", ["--port", "99999"], b"", 1, "cannot listen on 127.0.0.1:99999"),
    ("serve", ["--port", "-1"], b"", 1, "cannot listen on 127.0.0.1:-1"),
    ("serve", ["--port", "http"], b"", 2, "--port: invalid int value: 'http'"),
    ("serve", ["--host", "0.0.0.0"], b"", 1, "TEXTFN_TOKENS"),
    ("models pull", [], b"", 2, "give the names of models, or --all"),
    ("models pull", ["nothing"], b"", 2, "No such model nothing"),
    ("models pull", ["mfaq"], b"", 3, "the Hub cannot be reached"),
    ("models add", ["nowhere"], b"", 1, "nowhere has no model.onnx"),
    ("models add", ["pyproject.toml"], b"", 1, "has no model.onnx"),
    ("models add", [".", "--name", "../x"], b"", 1, "../x is no name"),
    ("models push", ["nothing", "s3://my-bucket/x"], b"", 2, "No such model nothing"),
    ("models push", ["tiny-embedder", "my-bucket"], b"", 2, "my-bucket is not s3://BUCKET/PREFIX"),
    ("models push", ["tiny-embedder", "s3://my-bucket/x"], b"", 3, "127.0.0.1:9"),
    ("models remove", ["nothing"], b"", 1, "No such model nothing"),
    ("models remove", ["all-minilm-l6-v2"], b"", 1, "was not pulled"),
    ("models verify", ["nothing"], b"", 1, "No such model nothing"),
    ("models evaluate", ["nothing", "x"], b"", 1, "No such model nothing"),
    ("models evaluate", ["tiny-embedder", "nowhere.tsv"], b"", 1, "nowhere.tsv: No such file"),
    ("models evaluate", ["tiny-embedder", "docs"], b"", 1, "docs: Is a directory"),
]


@pytest.mark.parametrize(
    ("command", "words", "stdin", "code", "reason"),
    BAD_WORDS,
    ids=[" ".join([case[0], *case[1]])[:50] for case in BAD_WORDS],
)
def test_bad_words_are_one_line(
    command: str, words: list[str], stdin: bytes, code: int, reason: str
) -> None:
    hub = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    done = textfn(*command.split(), *words, stdin=stdin, **AWS, **hub)
    assert reason in told(done, command, code)


@pytest.mark.parametrize(
    ("command", "words", "name", "value", "code", "reason"),
    [
        ("models pull", ["mfaq"], "HF_ENDPOINT", "nonsense", 2, "HF_ENDPOINT='nonsense'"),
        ("models pull", ["mfaq"], "HF_ENDPOINT", "http://[", 2, "HF_ENDPOINT="),
        ("models pull", ["mfaq"], "HF_TOKEN", "caf\u00e9", 1, "the request cannot be sent"),
        (
            "models push",
            ["tiny-embedder", "s3://my-bucket/x"],
            "AWS_ENDPOINT_URL",
            "nonsense",
            1,
            "Invalid endpoint: nonsense",
        ),
        ("models push", ["tiny-embedder", "s3://my-bucket/x"], "AWS_PROFILE", "x", 1, "profile"),
        ("embed", ["a"], "TEXTFN_MODELS_DIR", "/nowhere", 2, "Set it to a folder that exists"),
        ("serve", ["--host", "no.such.host"], "TEXTFN_AUTH", "none", 1, "cannot listen on no.such"),
        ("serve", ["--host", "a" * 64], "TEXTFN_AUTH", "none", 1, "cannot listen on aaa"),
    ],
)
def test_a_bad_variable_of_the_environment_is_one_line(
    command: str, words: list[str], name: str, value: str, code: int, reason: str
) -> None:
    hub = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    done = textfn(*command.split(), *words, **(AWS | hub | {name: value}))
    assert reason in told(done, command, code)


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        line = told(textfn("serve", "--port", port), "serve", 1)
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in line


def test_a_models_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """root may write anywhere but into /proc."""
    folder = encoders.write(tmp_path / "toy", **{"1_Pooling__config": encoders.MEAN})
    done = textfn("models", "add", str(folder), TEXTFN_MODELS_DIR="/proc/self")
    assert "cannot be written" in told(done, "models add", 1)
    with running(CHECKPOINT) as hub:
        pull = Pull(tmp_path, hub)
        (pull.models / ".pull").write_text("a file where a folder should be")
        assert "cannot be written (File exists)" in pull.refused(1)


def test_an_out_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "dist").write_text("")
    done = textfn("doctor", str(tmp_path / "dist"))
    assert done.returncode == 1 and "Traceback" not in done.stderr


DAMAGED: dict[str, bytes] = {
    "empty": b"",
    "text": b"hello",
    "cut": b"PK\x03\x04" + bytes(40),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_zip_is_a_finding_of_the_doctor(tmp_path: Path, name: str) -> None:
    (tmp_path / "bundle.zip").write_bytes(DAMAGED[name])
    done = textfn("doctor", str(tmp_path / "bundle.zip"))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("fail  bundle: ")


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    whole = gzip.compress(b"score\ta\tb\n1\tx\ty\n2\tx\tz\n")
    (tmp_path / "cut.tsv.gz").write_bytes(whole[:-9])
    (tmp_path / "no.tsv.gz").write_bytes(b"score\ta\tb\n")
    (tmp_path / "latin.tsv").write_bytes(b"score\ta\tb\n1\tx\t" + LATIN)
    (tmp_path / "equal.tsv").write_text("score\ta\tb\n1\tx\ty\n1\tx\tz\n")
    (tmp_path / "nan.tsv").write_text("score\ta\tb\nnan\tx\ty\n1\tx\tz\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cut.tsv.gz", "is no whole gzip file"),
        ("no.tsv.gz", "is no whole gzip file"),
        ("latin.tsv", "is not UTF-8"),
        ("equal.tsv", "a correlation needs pairs with different scores"),
        ("nan.tsv", "line 2: 'nan' is not a number"),
    ],
)
def test_labelled_data_that_is_none_is_one_line(tables: Path, name: str, reason: str) -> None:
    done = textfn("models", "evaluate", "tiny-embedder", str(tables / name))
    assert reason in told(done, "models evaluate", 1)


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "textfn", "serve", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_ctrl_c_ends_a_server_without_a_traceback(server: subprocess.Popen[str]) -> None:
    assert server.stdout and server.stdout.readline().startswith("textfn: http://")
    server.send_signal(signal.SIGINT)
    _, errors = server.communicate(timeout=30)
    assert server.returncode == 130, errors
    assert "Traceback" not in errors and errors.endswith("textfn serve: stopped\n")
