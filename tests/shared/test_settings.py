import os
from dataclasses import fields
from pathlib import Path

import pytest

from shared.settings import BadSetting, Settings, default_threads, processors


def test_without_variables_everything_has_a_default() -> None:
    settings = Settings.read({"HOME": "/nowhere", "PATH": "/bin"})
    assert (settings.max_texts, settings.max_body_bytes) == (100, 2_097_152)
    assert (settings.token_budget, settings.deadline_seconds) == (256, 25)
    assert (settings.tokens, settings.auth, settings.stand_ins) == (frozenset(), "token", "on")


def test_a_variable_changes_its_setting(tmp_path: Path) -> None:
    digests = "ab" * 32 + ", " + "cd" * 32
    settings = Settings.read(
        {"TEXTFN_MAX_TEXTS": "7", "TEXTFN_TOKENS": digests, "TEXTFN_MODELS_DIR": str(tmp_path)}
    )
    assert settings.max_texts == 7
    assert settings.tokens == {b"\xab" * 32, b"\xcd" * 32}
    assert settings.models_dir == tmp_path


def test_no_memory_at_all_may_be_given_to_the_cache() -> None:
    assert Settings.read({"TEXTFN_CACHE_MB": "0"}).cache_mb == 0
    with pytest.raises(BadSetting, match="TEXTFN_CACHE_MB"):
        Settings.read({"TEXTFN_CACHE_MB": "-1"})


BAD = {
    "TEXTFN_MAX_TEXT": "5",
    "TEXTFN_MAX_TEXTS": "0",
    "TEXTFN_MAX_BODY_BYTES": "2e6",
    "TEXTFN_THREADS": "",
    "TEXTFN_STAND_INS": "yes",
    "TEXTFN_AUTH": "None",
    "TEXTFN_MODELS_DIR": "/nowhere/at/all",
    "TEXTFN_LOG_LEVEL": "verbose",
    "TEXTFN_SERVED": "all-minilm-l6-v2,",
    "TEXTFN_TOKENS_PARAMETER": "my tokens",
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_name_or_value_stops_the_start_and_says_what_is_allowed(name: str) -> None:
    with pytest.raises(BadSetting, match=name):
        Settings.read({name: BAD[name]})


def test_a_file_is_no_folder_of_models(tmp_path: Path) -> None:
    file = tmp_path / "manifest.toml"
    file.touch()
    with pytest.raises(BadSetting, match="TEXTFN_MODELS_DIR is .* Set it to a folder that exists"):
        Settings.read({"TEXTFN_MODELS_DIR": str(file)})


@pytest.mark.parametrize("value", ["", "my-plain-token", "AB" * 32, "ab" * 31])
def test_tokens_that_are_no_hashes_are_refused_and_not_shown(value: str) -> None:
    with pytest.raises(BadSetting) as raised:
        Settings.read({"TEXTFN_TOKENS": value})
    assert "sha256" in str(raised.value)
    assert not value or value not in str(raised.value)


def test_every_setting_has_a_line_of_help() -> None:
    assert all(each.metadata["help"] for each in fields(Settings))


@pytest.mark.parametrize(
    ("memory", "threads"), [("512", 1), ("1769", 1), ("3538", 2), ("10240", 5)]
)
def test_lambda_has_a_thread_for_each_processor_that_is_paid_for(
    memory: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.settings.processors", lambda: 6)
    assert default_threads({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory}) == threads
    assert default_threads({}) == 6


@pytest.mark.parametrize(
    ("cpu_max", "expected"),
    [("max 100000", 2), ("100000 100000", 1), ("150000 100000", 1), ("50000 100000", 1),
     ("800000 100000", 2), ("", 2), (None, 2)],
)  # fmt: skip
def test_a_container_s_limit_of_processors_is_seen(
    cpu_max: str | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    file = tmp_path / "cpu.max"
    if cpu_max is not None:
        file.write_text(f"{cpu_max}\n")
    assert processors(file) == expected


def test_without_affinities_all_processors_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert processors(tmp_path / "none") == os.cpu_count()
