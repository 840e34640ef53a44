"""The listening socket of `textfn serve`."""

import ipaddress
import socket

from textfn.failure import Failure


class CannotListen(Failure):
    """The address cannot be listened on."""


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises CannotListen."""
    try:
        listening = socket.create_server((host, port), family=_family(host), backlog=2048)
        # Its connections inherit it. asyncio sets it only on sockets that name their protocol, and
        # without it each answer but the first of a connection waits 40 ms for the client's ACK.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CannotListen(
            f"cannot listen on {host}:{port}: {reason}. Choose another --port or --host."
        ) from None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
