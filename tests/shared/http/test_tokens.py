"""API tokens in AWS's SSM, which moto stands for."""

import hashlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from shared.errors import AccessDenied
from shared.http.access import SECONDS, Access, Unreadable
from shared.settings import Settings

RUN = "/client/v4/accounts/me/ai/run/all-minilm-l6-v2"
OLD, NEW = (hashlib.sha256(token).digest() for token in (b"old", b"new"))
NAME = "/textfn/tokens"


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import boto3

    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield boto3.client("ssm")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call it to let a minute pass."""
    passed = 0.0
    monotonic = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + passed)

    def pass_a_minute() -> None:
        nonlocal passed
        passed += SECONDS

    return pass_a_minute


def put(ssm: Any, *hashes: bytes) -> None:
    value = ", ".join(each.hex() for each in hashes)
    ssm.put_parameter(Name=NAME, Value=value, Type="SecureString", Overwrite=True)


def started() -> Access:
    access = Access(Settings(tokens_parameter=NAME))
    access.read()
    return access


def valid(access: Access) -> set[str]:
    """Those of two API tokens that may ask."""
    return {token for token in ("old", "new") if is_valid(access, token)}


def is_valid(access: Access, token: str) -> bool:
    try:
        access.check(RUN, {"authorization": f"Bearer {token}"})
    except AccessDenied:
        return False
    return True


def test_the_parameter_and_the_settings_both_give_tokens(ssm: Any) -> None:
    put(ssm, OLD)
    access = Access(Settings(tokens=frozenset({NEW}), tokens_parameter=NAME))
    access.read()
    assert valid(access) == {"old", "new"}


def test_a_rotated_token_is_valid_within_a_minute_and_a_withdrawn_one_is_not(
    ssm: Any, later: Any
) -> None:
    put(ssm, OLD)
    access = started()
    assert valid(access) == {"old"}
    put(ssm, NEW)
    assert not access.is_stale
    assert valid(access) == {"old"}
    later()
    assert access.is_stale
    access.read()
    assert valid(access) == {"new"}


def test_after_a_restore_the_parameter_is_read_again(ssm: Any) -> None:
    put(ssm, OLD)
    access = started()
    put(ssm, NEW)
    access.forget()
    assert access.is_stale
    access.read()
    assert valid(access) == {"new"}


def test_what_was_read_stays_valid_while_the_parameter_cannot_be_read(ssm: Any, later: Any) -> None:
    put(ssm, OLD)
    access = started()
    ssm.delete_parameter(Name=NAME)
    later()
    access.read()
    assert valid(access) == {"old"}


def test_a_parameter_that_is_not_there_is_named(ssm: Any) -> None:
    with pytest.raises(Unreadable, match=NAME):
        started()


def test_a_parameter_that_holds_no_hashes_is_named_and_not_shown(ssm: Any) -> None:
    ssm.put_parameter(Name=NAME, Value="my secret token", Type="SecureString")
    with pytest.raises(Unreadable, match="sha256") as raised:
        started()
    assert "secret" not in str(raised.value)
