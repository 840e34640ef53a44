"""Who may ask: bearer tokens, of which the service knows only the sha256."""

import hashlib
import hmac
from collections.abc import Mapping

from shared.errors import AccessDenied, Failure, InvalidToken, MissingCredentials
from shared.settings import Settings

# Checked in this order: the SDKs' header, Cloudflare's older keys, AI Gateway's own header.
HEADERS = ("authorization", "x-auth-key", "x-auth-user-service-key", "cf-aig-authorization")

# For people and load balancers; they tell nothing of what was sent.
PUBLIC = frozenset({"/", "/health", "/livez", "/openapi.json"})


class NotProtected(Failure):
    """The service would be open to everybody without anybody having said so."""


def check(path: str, headers: Mapping[str, str], tokens: frozenset[bytes]) -> None:
    """Raises MissingCredentials or AccessDenied, before anything of the body is read."""
    if path in PUBLIC or not tokens:
        return
    sent = _sent(headers)
    if not sent:
        raise MissingCredentials
    if not any([_is_known(value, tokens) for value in sent]):
        raise InvalidToken if path.endswith("/tokens/verify") else AccessDenied


def caller(headers: Mapping[str, str]) -> bytes:
    """Who asks: a hash of the tokens that were sent; empty if none was."""
    sent = [_digest(value) for value in _sent(headers)]
    return hashlib.sha256(b"".join(sent)).digest() if sent else b""


def require_protection(loopback: bool, settings: Settings) -> None:
    """Without tokens the service runs on loopback only, unless it is told to be open."""
    source = settings.tokens or settings.tokens_parameter
    if not (source or loopback or settings.auth == "none"):
        raise NotProtected(
            "No token is set, so anybody could use this service: set TEXTFN_TOKENS to the sha256 "
            "of a token, TEXTFN_TOKENS_PARAMETER to the SSM parameter that holds it, or "
            "TEXTFN_AUTH=none to leave it open."
        )


def _sent(headers: Mapping[str, str]) -> list[str]:
    return [headers[name] for name in HEADERS if name in headers]


def _is_known(value: str, tokens: frozenset[bytes]) -> bool:
    """Compares every hash, each in constant time."""
    digest = _digest(value)
    return any([hmac.compare_digest(digest, known) for known in tokens])


def _digest(value: str) -> bytes:
    """The sha256 of a header's token. The Hugging Face docs write "Bearer: hf_..."."""
    scheme, _, token = value.partition(" ")
    token = token.strip() if scheme.lower().rstrip(":") == "bearer" else value
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
