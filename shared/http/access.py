"""The check of API tokens. The service knows only the sha256 of each."""

import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Mapping

from shared.errors import AccessDenied, Failure, InvalidToken, MissingCredentials
from shared.settings import HASHES, Settings

# Checked in this order: the SDKs' header, Cloudflare's older keys, AI Gateway's own header.
HEADERS = ("authorization", "x-auth-key", "x-auth-user-service-key", "cf-aig-authorization")

# Open to everybody, for people and load balancers. They tell nothing about what was sent.
PUBLIC = frozenset({"/", "/health", "/livez", "/ping", "/openapi.json"})
SECONDS = 60  # a new API token works, and a withdrawn one stops, within a minute
# In seconds. SSM answers in about 12 ms; nothing must wait long for one that does not answer.
SSM_TIMEOUTS = {"connect_timeout": 1, "read_timeout": 2, "retries": {"max_attempts": 1}}
log = logging.getLogger("textfn")


class NotProtected(Failure):
    """The service would be open to everybody, and no setting allows that."""


class Unreadable(Failure):
    """The SSM parameter cannot be read, or it holds no hashes; the message says which."""


class Access:
    """The API tokens that are valid now: those of the settings and of an SSM parameter.

    `read` must be called before the first request, and again when `is_stale`. Threads may share it.
    """

    def __init__(self, settings: Settings) -> None:
        self.open = settings.auth == "none"
        self._given, self._parameter = settings.tokens, settings.tokens_parameter
        self._read: frozenset[bytes] = frozenset()
        self._next = 0.0
        self._reading = threading.Lock()

    @property
    def needs_token(self) -> bool:
        """True if a request must carry an API token."""
        return bool(self._given or self._parameter)

    @property
    def is_stale(self) -> bool:
        """True if the parameter must be read again: a minute after the last reading."""
        return bool(self._parameter) and time.monotonic() >= self._next

    def read(self) -> None:
        """Read the parameter, unless another thread is reading it.

        Raises Unreadable if no hashes were read before. If there are, a failure is logged and they
        stay valid.
        """
        if not self._parameter or not self._reading.acquire(blocking=False):
            return
        self._next = time.monotonic() + SECONDS
        try:
            self._read = _parameter(self._parameter)
        except Unreadable as error:
            if not self._read:
                raise
            log.error("the API tokens read before stay valid: %s", error)
        finally:
            self._reading.release()

    def forget(self) -> None:
        """Let the next request read the parameter again: a snapshot may be days old."""
        self._next = 0.0

    def check(self, path: str, headers: Mapping[str, str]) -> None:
        """Check the API token of a request, before its body is read.

        Raises MissingCredentials or AccessDenied; InvalidToken on a path of tokens/verify.
        """
        if not self.needs_token:
            return
        sent = _sent(headers)
        if not sent:
            raise MissingCredentials
        known = self._given | self._read
        if not any([_is_known(value, known) for value in sent]):
            raise InvalidToken if path.endswith("/tokens/verify") else AccessDenied


def is_public(method: str, path: str) -> bool:
    """Whether a request needs no API token: reading what tells nothing about other requests."""
    return path in PUBLIC and method in ("GET", "HEAD")


def require_protection(loopback: bool, settings: Settings) -> None:
    """Raise NotProtected beyond loopback, unless there are API tokens or TEXTFN_AUTH=none."""
    source = settings.tokens or settings.tokens_parameter
    if not (source or loopback or settings.auth == "none"):
        raise NotProtected(
            "No API token is set, so anybody could use this service. Set TEXTFN_TOKENS to the "
            "sha256 of a token, TEXTFN_TOKENS_PARAMETER to the SSM parameter that holds it, or "
            "TEXTFN_AUTH=none to leave the service open."
        )


def caller(headers: Mapping[str, str]) -> bytes:
    """Return a hash of the API tokens that were sent, to tell callers apart; empty without any."""
    sent = [_digest(value) for value in _sent(headers)]
    return hashlib.sha256(b"".join(sent)).digest() if sent else b""


def _sent(headers: Mapping[str, str]) -> list[str]:
    return [headers[name] for name in HEADERS if name in headers]


def _is_known(value: str, tokens: frozenset[bytes]) -> bool:
    """Compare with every hash, each in constant time."""
    digest = _digest(value)
    return any([hmac.compare_digest(digest, known) for known in tokens])


def _digest(value: str) -> bytes:
    """Return the sha256 of a header's token. The Hugging Face docs write "Bearer: hf_..."."""
    scheme, _, token = value.partition(" ")
    token = token.strip() if scheme.lower().rstrip(":") == "bearer" else value
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _parameter(name: str) -> frozenset[bytes]:
    """Read the hashes in an SSM SecureString. Raises Unreadable."""
    import boto3  # takes 0.2 s, which only services with API tokens in SSM pay
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = boto3.client("ssm", config=Config(**SSM_TIMEOUTS))
        value = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except (BotoCoreError, ClientError) as error:
        raise Unreadable(f"TEXTFN_TOKENS_PARAMETER={name!r} cannot be read: {error}") from None
    try:
        hashes: frozenset[bytes] = HASHES.read(value)
        return hashes
    except ValueError:
        raise Unreadable(f"TEXTFN_TOKENS_PARAMETER={name!r} must hold {HASHES.allowed}") from None
