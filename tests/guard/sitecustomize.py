"""Refuse all connections but loopback, in every Python with the PYTHONPATH of the tests.

Python imports this file first. An audit hook sees every call of the socket module.
"""

import sys

ADDRESSED = {"socket.connect", "socket.sendto", "socket.sendmsg"}
LOOPBACK = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "", None)


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in ADDRESSED:
        address = arguments[1]
        host = (
            address[0] if isinstance(address, tuple) else None
        )  # a path: a socket of this machine
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in LOOPBACK:
        raise OSError(f"the tests reach loopback alone, not {host}")


sys.addaudithook(refuse)
