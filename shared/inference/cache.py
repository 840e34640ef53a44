"""What was computed a while ago, by what it was computed from; a number of bytes at most."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # the web imports this file, and the catalogue need not pay for numpy
    import numpy as np
    from numpy.typing import NDArray

OVERHEAD = 512  # bytes of an entry beside its numbers: key, objects and their places


class Row(NamedTuple):
    """A text's numbers as the graph gave them, how many tokens it had, and whether it was cut."""

    values: NDArray[np.float32]
    tokens: int
    cut: bool


class Cache:
    """Rows by key; the least recently used leave first. Threads may share it."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._bytes = most_bytes, 0
        self._rows: OrderedDict[bytes, Row] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> Row | None:
        with self._lock:
            if key in self._rows:
                self._rows.move_to_end(key)
            return self._rows.get(key)

    def put(self, key: bytes, row: Row) -> None:
        with self._lock:
            if key not in self._rows:
                self._bytes += _size(row)
            self._rows[key] = row
            while self._bytes > self._most:
                self._bytes -= _size(self._rows.popitem(last=False)[1])


class Mine(NamedTuple):
    """One caller's part of a cache: nobody finds what another has put there.

    The key is a hash of everything that decides the numbers, so that no text is kept.
    """

    cache: Cache
    caller: bytes

    def key(self, *parts: str) -> bytes:
        digest = hashlib.sha256(self.caller)
        for part in parts:
            content = part.encode()
            digest.update(len(content).to_bytes(8, "big") + content)
        return digest.digest()

    def get(self, key: bytes) -> Row | None:
        return self.cache.get(key)

    def put(self, key: bytes, row: Row) -> Row:
        self.cache.put(key, row)
        return row


NO_CACHE = Mine(Cache(0), b"")


def _size(row: Row) -> int:
    return row.values.nbytes + OVERHEAD
