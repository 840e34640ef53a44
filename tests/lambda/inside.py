"""Run pytest in a new network, with a loopback and the resolver of the tests."""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1  # linux/sockios.h, linux/if.h


def main() -> None:
    _switch_on("lo")
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as resolver:
        resolver.write("nameserver 127.0.0.1\noptions attempts:1 timeout:1\n")
        resolver.flush()
        system = Path("/etc/resolv.conf").resolve()
        subprocess.run(["mount", "--bind", resolver.name, str(system)], check=True)
    os.execv(
        sys.executable, [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *sys.argv[1:]]
    )


def _switch_on(interface: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", interface.encode(), 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        request = struct.pack("16sH14x", interface.encode(), flags | IFF_UP)
        fcntl.ioctl(control, SIOCSIFFLAGS, request)


if __name__ == "__main__":
    main()
