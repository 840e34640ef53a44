"""A model in S3, which moto stands for: pushed, and fetched by a function that starts."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from graphs import CHECKPOINTS, ROOT, TINY_MODELS
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from shared import settings
from shared.inference.bucket import CannotFetch, fetch
from shared.inference.model import Model
from shared.manifest import read
from textfn.__main__ import main
from textfn.building import external
from textfn.building.build import build
from textfn.digests import file_sha256

URL = "s3://models-of-mine/textfn"
PUSH = ["models", "push", "tiny-embedder", URL]
GRAPHS = ("model.onnx", "model.kernels.onnx", "model-cls.onnx", "model-cls.kernels.onnx")
FILES = {"manifest.toml", *GRAPHS, "tokenizer.json"}


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def s3(credentials: None) -> Iterator[Any]:
    import boto3

    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="models-of-mine")
        yield client


def objects(s3: Any) -> dict[str, Any]:
    """Each object's name and when it was put there."""
    listed = s3.list_objects_v2(Bucket="models-of-mine").get("Contents", [])
    return {each["Key"]: each["LastModified"] for each in listed}


def put(s3: Any, name: str, content: bytes) -> None:
    s3.put_object(Bucket="models-of-mine", Key=f"textfn/tiny-embedder/{name}", Body=content)


def left(folder: Path) -> list[str]:
    """What a fetch has left, but for its lock."""
    return [path.name for path in folder.rglob("*") if path.is_file() and path.name != "lock"]


def test_a_pushed_model_is_fetched_and_answers(s3: Any, tmp_path: Path) -> None:
    assert main(PUSH) == 0
    assert set(objects(s3)) == {f"textfn/tiny-embedder/{name}" for name in FILES}
    folder = fetch(URL, "tiny-embedder", tmp_path)
    assert set(left(tmp_path)) == FILES
    here, there = Model(read(folder)), Model(read(TINY_MODELS / "tiny-embedder"))
    found, expected = (each.embed(["hello world"]) for each in (here, there))
    assert (found.values == expected.values).all() and found.model == expected.model


def test_what_is_there_is_not_pushed_again(
    s3: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(PUSH) == 0
    s3.delete_object(Bucket="models-of-mine", Key="textfn/tiny-embedder/model.onnx")
    put(s3, "tokenizer.json", b"{}")
    capsys.readouterr()
    assert main([*PUSH[:-1], f"{URL}/"]) == 0
    lines = capsys.readouterr().out.splitlines()
    sent = {line.rpartition("/")[2].partition(",")[0] for line in lines if line.endswith(" MB")}
    assert sent == {"model.onnx", "tokenizer.json"}
    assert f"{URL}/tiny-embedder/manifest.toml is there" in lines
    assert lines[-1] == f"tiny-embedder is in {URL}/tiny-embedder"
    fetch(URL, "tiny-embedder", tmp_path)


def test_a_data_file_comes_along(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As mfaq has it, in small."""
    folder = shutil.copytree(TINY_MODELS / "tiny-embedder", tmp_path / "big")
    monkeypatch.setattr(external, "BIG", 10_000)
    build(CHECKPOINTS / "tiny-embedder", folder)
    text = (folder / "manifest.toml").read_text("utf-8").partition("[sha256]")[0] + "[sha256]\n"
    for path in sorted([*folder.glob("model*"), folder / "tokenizer.json"]):
        text += f'"{path.name}" = "{file_sha256(path)}"\n'
    (folder / "manifest.toml").write_text(text, "utf-8")
    monkeypatch.setattr("textfn.known.find", lambda _: read(folder))
    assert main(PUSH) == 0
    fetched = fetch(URL, "tiny-embedder", tmp_path / "tmp")
    assert (fetched / external.DATA).read_bytes() == (folder / external.DATA).read_bytes()
    assert Model(read(fetched)).embed(["hello world"], pooling="cls").values.shape == (1, 16)


def test_files_that_are_right_are_not_fetched_again(s3: Any, tmp_path: Path) -> None:
    main(PUSH)
    folder = fetch(URL, "tiny-embedder", tmp_path)
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    s3.delete_object(Bucket="models-of-mine", Key="textfn/tiny-embedder/model.onnx")
    assert fetch(URL, "tiny-embedder", tmp_path) == folder
    assert {path.name: path.stat().st_ino for path in folder.iterdir()} == before
    main(PUSH)
    (folder / "model.onnx").write_bytes(b"spoiled meanwhile")
    fetch(URL, "tiny-embedder", tmp_path)
    assert file_sha256(folder / "model.onnx") == read(folder).sha256["model.onnx"]


def test_a_wrong_byte_is_refused_and_leaves_nothing(s3: Any, tmp_path: Path) -> None:
    main(PUSH)
    content = bytearray((TINY_MODELS / "tiny-embedder" / "model.onnx").read_bytes())
    content[100] ^= 1
    put(s3, "model.onnx", bytes(content))
    with pytest.raises(
        CannotFetch, match=f"^{URL}/tiny-embedder/model.onnx: its sha256 is [0-9a-f]{{64}}"
    ):
        fetch(URL, "tiny-embedder", tmp_path)
    assert left(tmp_path) == []


def test_a_missing_object_is_named_and_the_next_start_finds_it(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(
        CannotFetch, match="manifest.toml: the object does not exist. .* `textfn models push`"
    ):
        fetch(URL, "tiny-embedder", tmp_path)
    main(PUSH)
    s3.delete_object(Bucket="models-of-mine", Key="textfn/tiny-embedder/tokenizer.json")
    with pytest.raises(
        CannotFetch, match=f"^{URL}/tiny-embedder/tokenizer.json: the object does not exist"
    ):
        fetch(URL, "tiny-embedder", tmp_path)
    assert left(tmp_path) == []
    main(PUSH)
    assert set(left(fetch(URL, "tiny-embedder", tmp_path))) == FILES


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (b"id = 5", "id must be a string"),
        (b"", "id is missing"),
    ],
)
def test_a_manifest_that_is_none_is_refused(
    s3: Any, tmp_path: Path, manifest: bytes, words: str
) -> None:
    put(s3, "manifest.toml", manifest)
    with pytest.raises(CannotFetch, match=words):
        fetch(URL, "tiny-embedder", tmp_path)
    assert left(tmp_path) == []


def test_a_manifest_of_another_model_or_folder_is_refused(s3: Any, tmp_path: Path) -> None:
    text = (TINY_MODELS / "tiny-embedder" / "manifest.toml").read_text("utf-8")
    put(s3, "manifest.toml", text.replace('id = "tiny-embedder"', 'id = "other"').encode())
    with pytest.raises(CannotFetch, match="its id is other, not tiny-embedder"):
        fetch(URL, "tiny-embedder", tmp_path)
    put(s3, "manifest.toml", text.replace('"model.onnx" =', '"../model.onnx" =').encode())
    with pytest.raises(
        CannotFetch,
        match="a file name in sha256 must be plain, without a folder, not '../model.onnx'",
    ):
        fetch(URL, "tiny-embedder", tmp_path)


@set_initial_no_auth_action_count(1)
def denied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import boto3

    boto3.client("s3").create_bucket(Bucket="models-of-mine")
    with pytest.raises(
        CannotFetch,
        match="manifest.toml: the object does not exist, or this function may not read it",
    ):
        fetch(URL, "tiny-embedder", tmp_path)
    assert main(PUSH) == 5
    error = capsys.readouterr().err
    assert "not allowed: s3:PutObject" in error and len(error.splitlines()) == 1


def test_who_may_not_read_or_write_is_told_what_is_needed(
    credentials: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mock_aws():
        denied(tmp_path, capsys)


def test_a_push_that_fails_says_why_in_one_line(
    s3: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failed(code: int, name: str = "tiny-embedder", url: str = URL) -> str:
        assert main(["models", "push", name, url]) == code
        error = capsys.readouterr().err
        assert error.startswith("textfn models push: ") and len(error.splitlines()) == 1
        return error

    assert "there is no such bucket" in failed(6, url="s3://nobody-has-this")
    assert "is not s3://BUCKET/PREFIX" in failed(2, url="https://example.com/models")
    assert "Did you mean tiny-embedder" in failed(2, "tiny-embeder")
    assert "mfaq is not installed: textfn models pull mfaq" in failed(1, "mfaq")
    assert objects(s3) == {}


def test_a_push_of_a_spoiled_model_sends_nothing(
    s3: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(TINY_MODELS / "tiny-embedder", tmp_path / "spoiled")
    (folder / "tokenizer.json").write_bytes(b"{}")
    monkeypatch.setattr("textfn.known.find", lambda _: read(folder))
    assert main(PUSH) == 1
    assert "tokenizer.json is not what the manifest says" in capsys.readouterr().err
    assert objects(s3) == {}


def test_an_s3_that_cannot_be_reached_is_told(
    credentials: None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert main(PUSH) == 3
    assert "Could not connect" in capsys.readouterr().err
    with pytest.raises(CannotFetch, match=f"^{URL}/tiny-embedder/manifest.toml: Could not connect"):
        fetch(URL, "tiny-embedder", tmp_path)
    assert left(tmp_path) == []


class HalfAnObject(BaseHTTPRequestHandler):
    """An S3 that promises a hundred bytes, sends fifty and closes."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "100")
        self.send_header("etag", '"half"')
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(bytes(50))

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_a_connection_that_is_cut_leaves_nothing(
    credentials: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), HalfAnObject) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(CannotFetch, match=r"tiny-embedder/manifest\.toml: "):
            fetch(URL, "tiny-embedder", tmp_path)
        server.shutdown()
    assert left(tmp_path) == []


START = """
import boto3, sys
from moto import mock_aws
from pathlib import Path
with mock_aws():
    boto3.client("s3").create_bucket(Bucket="models-of-mine")
    for path in Path(sys.argv[1]).iterdir():
        boto3.client("s3").upload_file(str(path), "models-of-mine", f"textfn/mine/{path.name}")
    from shared import manifest
    manifest.FETCHED = Path(sys.argv[2])
    from shared.inference.library import Library
    from shared.settings import Settings
    model = Library(Settings.read()).of("text-embeddings")["@test/mine"]
print(model.manifest.folder, model.embed(["hello world"]).values.shape)
"""


def start(source: Path, tmp: Path, functions: int = 1) -> list[tuple[int, str, str]]:
    """Functions that start at once with a bucket that has the files of a folder.

    The exit code of each, what it printed and what it complained of.
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", START, source, tmp],
            env=os.environ | {"TEXTFN_MODEL_BUCKET": f"{URL}/", "TEXTFN_MODEL": "mine"},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(functions)
    ]
    said = [process.communicate() for process in processes]
    return [(process.returncode, *texts) for process, texts in zip(processes, said, strict=True)]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A model that is in no folder of the function's."""
    folder = shutil.copytree(TINY_MODELS / "tiny-embedder", tmp_path / "mine")
    text = (folder / "manifest.toml").read_text("utf-8").replace("tiny-embedder", "mine")
    (folder / "manifest.toml").write_text(text, "utf-8")
    return folder


def test_a_function_serves_the_model_of_its_bucket(
    credentials: None, mine: Path, tmp_path: Path
) -> None:
    for _ in range(2):  # the second start finds the files
        [(_, printed, complained)] = start(mine, tmp_path / "tmp")
        assert printed == f"{tmp_path / 'tmp' / 'mine'} (1, 16)\n", complained


def test_functions_that_share_a_folder_all_have_its_model(
    credentials: None, mine: Path, tmp_path: Path
) -> None:
    for _, printed, complained in start(mine, tmp_path / "tmp", functions=3):
        assert printed == f"{tmp_path / 'tmp' / 'mine'} (1, 16)\n", complained
    assert set(left(tmp_path / "tmp")) == FILES


def test_a_function_whose_model_is_not_whole_does_not_start(
    credentials: None, mine: Path, tmp_path: Path
) -> None:
    (mine / "tokenizer.json").write_bytes(b"{}")
    [(code, printed, complained)] = start(mine, tmp_path / "tmp")
    assert code != 0 and printed == ""
    assert f"CannotFetch: {URL}/mine/tokenizer.json: its sha256 is " in complained
    assert left(tmp_path / "tmp") == []


def test_a_model_of_the_bundle_is_not_fetched(credentials: None, tmp_path: Path) -> None:
    code = "import sys; from shared.inference.library import catalogue\n"
    code += "from shared.settings import Settings; catalogue(Settings.read())\n"
    done = subprocess.run(
        [sys.executable, "-c", code + "print('boto3' in sys.modules)"],
        env=os.environ | {"TEXTFN_MODEL_BUCKET": URL, "TEXTFN_MODEL": "tiny-embedder"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "False\n"


def test_the_bucket_and_its_model_are_set_together() -> None:
    read = settings.Settings.read
    with pytest.raises(settings.BadSetting, match="Set both or neither"):
        read({"TEXTFN_MODEL_BUCKET": URL})
    with pytest.raises(settings.BadSetting, match="Set both or neither"):
        read({"TEXTFN_MODEL": "mfaq"})
    with pytest.raises(settings.BadSetting, match="Set it to s3://bucket/prefix"):
        read({"TEXTFN_MODEL_BUCKET": "models", "TEXTFN_MODEL": "mfaq"})
    with pytest.raises(settings.BadSetting, match="Set it to the id of a model"):
        read({"TEXTFN_MODEL_BUCKET": URL, "TEXTFN_MODEL": "../mfaq"})
