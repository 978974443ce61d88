"""The key derivations that a message may name: Argon2id at costs that we chose, and no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

DERIVED_BYTES = 32  # an AES-256 key

Derivation = Callable[[bytes, bytes], bytes]
"""(key, salt) → derived key. Slow on purpose, and safe to run in a thread: it gives up the GIL."""


@dataclass(frozen=True, slots=True)
class Argon2idCost:
    """RFC 9106: memory in KiB, passes over it, and lanes that may run side by side."""

    memory_kib: int
    iterations: int
    lanes: int

    def __call__(self, key: bytes, salt: bytes) -> bytes:
        kdf = Argon2id(
            salt=salt,
            length=DERIVED_BYTES,
            iterations=self.iterations,
            lanes=self.lanes,
            memory_cost=self.memory_kib,
        )
        return kdf.derive(key)


OWASP = Argon2idCost(memory_kib=19_456, iterations=2, lanes=1)
"""The first choice of OWASP's Password Storage Cheat Sheet. 19 MiB and 43 ms on one core of a 2-core machine
(RFC 9106's second choice, 64 MiB, 3 passes, 4 lanes: 189 ms there; scrypt at OWASP's 2^17, 8, 1: 128 MiB, 537 ms)."""

CURRENT = 1
ALLOWED: Mapping[int, Derivation] = MappingProxyType({CURRENT: OWASP})
"""By the number that a message carries. Rows are only ever added: those who have a message need its row."""
