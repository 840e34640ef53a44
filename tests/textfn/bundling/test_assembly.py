"""What goes into a bundle."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from bundles import HERE, built, small_wheel
from graphs import TINY_MODELS

from shared.manifest import BUNDLED, read
from shared.names import Catalogue
from textfn.bundling.assembly import interpreter, needed
from textfn.bundling.inventory import bill_of_materials
from textfn.bundling.wheels import ROOT, Wheel
from textfn.commands.bundle import parse

SITE = sysconfig.get_path("purelib")


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    return small_wheel(tmp_path)


def test_a_function_takes_what_it_imports_and_no_more() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in needed("functions.sentence_similarity")}
    assert {"functions/text_embeddings.py", "functions/tokenize.py"} <= names
    assert {
        "shared/inference/model.py",
        "shared/http/dialects/tei.py",
        "shared/__init__.py",
    } <= names
    assert not {"functions/local.py", "functions/page.py", "functions/catalogue.py"} & names
    catalogue = {path.name for path in needed("functions.catalogue")}
    assert {"page.py", "redirects.py"} <= catalogue
    assert not {"model.py", "library.py", "tokenization.py"} & catalogue


def test_a_bundle_has_one_model_and_the_manifests_of_the_others(
    wheel: Wheel, tmp_path: Path
) -> None:
    names = built(parse("text-embeddings=tiny-embedder"), wheel, tmp_path / "bundle")
    assert {"small/__init__.py", "functions/text_embeddings.py", "THIRD_PARTY.txt"} <= set(names)
    assert "models/tiny-embedder/model.onnx" in names
    assert "models/all-minilm-l6-v2/manifest.toml" in names
    opened = {name.rsplit("/", 1)[0] for name in names if name.endswith(".onnx")}
    assert opened == {"models/tiny-embedder"}
    assert not [name for name in names if "tests" in name or name.endswith((".pyi", "RECORD"))]


def test_the_catalogue_s_manifest_stays_beside_a_pulled_model(
    wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says which pooling is the model's own: 0.2 pulled manifests with another order."""
    pulled = tmp_path / "models" / "bge-small-en-v1.5@0123456789ab"
    shutil.copytree(TINY_MODELS / "tiny-embedder", pulled)
    text = (BUNDLED / "bge-small-en-v1.5" / "manifest.toml").read_text("utf-8")
    text = text.replace('["cls", "mean"]', '["mean", "cls"]')
    digests = (pulled / "manifest.toml").read_text("utf-8").partition("[sha256]")[2]
    (pulled / "manifest.toml").write_text(f"{text}\n[sha256]{digests}", "utf-8")
    monkeypatch.setenv("TEXTFN_MODELS_DIR", str(pulled.parent))
    built(parse("text-embeddings=bge-small-en-v1.5"), wheel, tmp_path / "bundle")
    folders = sorted((tmp_path / "bundle" / "models").glob("bge-small-en-v1.5*"))
    assert [each.name for each in folders] == [pulled.name.partition("@")[0], pulled.name]
    assert Catalogue(map(read, folders)).find("bge-small-en-v1.5").pooling == ("cls", "mean")
    assert (folders[1] / "model-cls.onnx").exists()


def test_a_bundle_has_the_licences_and_the_crates_of_its_packages(
    wheel: Wheel, tmp_path: Path
) -> None:
    built(parse("catalogue"), wheel, tmp_path / "bundle")
    text = (tmp_path / "bundle" / "THIRD_PARTY.txt").read_text("utf-8")
    assert all(part in text for part in ("Do as you please.", "a-crate 3", "all-MiniLM-L6-v2"))
    bill = bill_of_materials("catalogue", "1", [wheel], [])
    assert bill["components"][0]["purl"] == "pkg:pypi/small-package@1.2"
    assert bill["components"][0]["components"][0]["purl"] == "pkg:cargo/a@3"


def test_the_catalogue_knows_the_models_that_the_settings_say_others_serve(
    wheel: Wheel, tmp_path: Path
) -> None:
    built(parse("catalogue"), wheel, tmp_path / "bundle")
    assert not list((tmp_path / "bundle").rglob("*.onnx"))
    code = f"import sys; sys.path.append({SITE!r}); "
    code += "from shared.names import Catalogue; from shared.settings import Settings; "
    code += "print(*[each.id for each in Catalogue.read(Settings.read()).served])"
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=tmp_path / "bundle",
        env={"TEXTFN_SERVED": "all-minilm-l6-v2,minilm-l6-sst2-int8"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["all-minilm-l6-v2", "minilm-l6-sst2-int8"], done.stderr


def test_bytecode_is_never_checked_and_says_where_aws_has_the_source(
    wheel: Wheel, tmp_path: Path
) -> None:
    names = built(parse("catalogue"), wheel, tmp_path / "bundle")
    compiled = [name for name in names if name.endswith(".pyc")]
    assert len(compiled) == len([name for name in names if name.endswith(".py")])
    content = (tmp_path / "bundle" / compiled[0]).read_bytes()
    assert content[4:8] == b"\x01\x00\x00\x00"  # PEP 552: by hash, unchecked
    assert b"/var/task/" in content
    assert str(tmp_path).encode() not in content


def test_an_interpreter_is_one_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert interpreter("3.99") is None
    assert interpreter(HERE.python) == sys.executable
