"""The hashes of the tokens that are valid now: of the settings, and of a parameter in AWS's SSM."""

import logging
import time

from shared.errors import Failure
from shared.settings import HASHES, settings

SECONDS = 60  # so a rotated token works, and a withdrawn one ends, within a minute
log = logging.getLogger("textfn")


class Unreadable(Failure):
    """The parameter could not be read, or does not hold hashes; the message says which it is."""


class Tokens:
    """`parameter` names a SecureString of sha256 hashes in hex, separated by commas."""

    def __init__(self, given: frozenset[bytes], parameter: str = "") -> None:
        self._given, self._parameter = given, parameter
        self._read: frozenset[bytes] = frozenset()
        self._next = 0.0

    def valid(self) -> frozenset[bytes]:
        """Raises Unreadable if the parameter was never read; a later failure keeps what it held."""
        if self._parameter and time.monotonic() >= self._next:
            try:
                self._read = _parameter(self._parameter)
            except Unreadable as error:
                if not self._read:
                    raise
                log.error("the tokens are those of the last minutes: %s", error)
            self._next = time.monotonic() + SECONDS
        return self._given | self._read

    def forget(self) -> None:
        """Read the parameter again at the next request: a snapshot may be days old."""
        self._next = 0.0


def _parameter(name: str) -> frozenset[bytes]:
    import boto3  # 0.2 s, which only those pay who keep their tokens in SSM
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = boto3.client("ssm")
        value = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except (BotoCoreError, ClientError) as error:
        raise Unreadable(f"TEXTFN_TOKENS_PARAMETER={name!r} cannot be read: {error}") from None
    try:
        hashes: frozenset[bytes] = HASHES.read(value)
        return hashes
    except ValueError:
        raise Unreadable(f"TEXTFN_TOKENS_PARAMETER={name!r} must hold {HASHES.allowed}") from None


tokens = Tokens(settings.tokens, settings.tokens_parameter)
