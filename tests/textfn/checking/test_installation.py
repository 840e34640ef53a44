"""`textfn doctor` as a person runs it, on this installation."""

import shutil
from pathlib import Path

import pytest
from conftest import MODELS
from diagnosing import doctor


def test_this_installation_is_well() -> None:
    code, states, said = doctor(TEXTFN_TOKENS="ab" * 32)
    assert (code, set(states.values())) == (0, {"ok"}), said
    assert {"packages", "all-minilm-l6-v2", "tiny-embedder", "threads", "memory"} <= set(states)


def test_tokens_that_are_kept_in_ssm_are_told_where() -> None:
    _, states, said = doctor(TEXTFN_TOKENS_PARAMETER="/textfn/tokens")
    assert (states["tokens"], "/textfn/tokens" in str(said)) == ("ok", True)


def test_every_bad_setting_is_told_and_no_secret() -> None:
    bad = {"TEXTFN_AUTH": "yes", "TEXTFN_MAX_TEXT": "3", "TEXTFN_TOKENS": "my-own-token"}
    code, states, said = doctor(**bad, TEXTFN_THREADS="1")
    assert code == 1
    assert {name: states[name] for name in bad} == dict.fromkeys(bad, "fail")
    assert states["TEXTFN_THREADS"] == "ok"
    assert "Set it to token or none" in said
    assert "my-own-token" not in said


def test_what_may_be_meant_is_a_warning() -> None:
    code, states, _ = doctor(TEXTFN_AUTH="none", TEXTFN_THREADS="1000")
    assert (code, states["tokens"], states["threads"]) == (0, "warn", "warn")


def test_telemetry_that_somebody_turned_on_is_a_failure() -> None:
    code, states, _ = doctor(ORT_DISABLE_TELEMETRY="0")
    assert (code, states["telemetry"]) == (1, "fail")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), "missing: tokenizer.json"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "another sha256"),
        (lambda folder: (folder / "manifest.toml").write_text("id = 1"), "id must be a string"),
    ],
)
def test_a_damaged_model_is_named(tmp_path: Path, harm: object, said: str) -> None:
    shutil.copytree(MODELS / "tiny-embedder", tmp_path / "tiny-embedder")
    assert callable(harm)
    harm(tmp_path / "tiny-embedder")
    code, states, text = doctor(TEXTFN_MODELS_DIR=str(tmp_path))
    assert (code, "fail" in (states.get("tiny-embedder"), states.get("models"))) == (1, True)
    assert said in text
