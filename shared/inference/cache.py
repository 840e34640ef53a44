"""A cache of computed rows. A key is a hash of all that decides a row; the size is limited."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # the HTTP wing imports this file, and the catalogue does without numpy
    import numpy as np
    from numpy.typing import NDArray

OVERHEAD = 512  # bytes per entry beside its numbers: the key, the objects and their slots


class Row(NamedTuple):
    """A text's numbers as the graph returned them, its tokens, and whether it was truncated."""

    values: NDArray[np.float32]
    tokens: int
    cut: bool


class Cache:
    """Rows by key, `most_bytes` at most. The least recently used are evicted first.

    Threads may share it.
    """

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


class TenantCache(NamedTuple):
    """One caller's part of a cache: no caller gets a hit on another caller's texts.

    A key is a hash of everything that decides the numbers, so the cache keeps no text.
    """

    cache: Cache
    tenant: bytes

    def key(self, *parts: str) -> bytes:
        """Return the sha256 of the tenant and the parts. Their lengths keep parts apart."""
        digest = hashlib.sha256(self.tenant)
        for part in parts:
            content = part.encode()
            digest.update(len(content).to_bytes(8, "big") + content)
        return digest.digest()

    def get(self, key: bytes) -> Row | None:
        return self.cache.get(key)

    def put(self, key: bytes, row: Row) -> Row:
        self.cache.put(key, row)
        return row


NO_CACHE = TenantCache(Cache(0), b"")


def _size(row: Row) -> int:
    return row.values.nbytes + OVERHEAD
