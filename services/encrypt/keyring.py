"""Keys and what was derived from them, for some minutes: a key is derived once, not once for each message.

To seal, a key has one random salt for each process. It is replaced when its time is up and before too many
random nonces were drawn under it. To open, the salt comes from the message. Both are looked up by a keyed hash
under a secret of this process, so that the cache holds no key and is of no use beside another process's.

What a stranger can learn: encrypting under a guessed key is faster while this process knows that key. A wrong
guess costs one derivation and a place in a bounded queue, as it would without a cache.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from services.encrypt.cache import ExpiringCache
from services.encrypt.cipher import Cipher
from services.encrypt.derivation import DerivationPool
from services.encrypt.flight import SingleFlight, TakeOff
from services.encrypt.kdf import Derivation
from services.encrypt.message import SALT_BYTES

MESSAGES_PER_SALT = 2**32
"""NIST SP 800-38D, section 8.3: no more random 96-bit nonces than this under one AES key."""


class UnknownKdf(Exception):
    """No derivation goes by the number in the message; nothing was derived."""


class Name(NamedTuple):
    """Where a derived key is found; `fingerprint` is the keyed hash of the key that a person typed."""

    fingerprint: bytes
    kdf: int
    salt: bytes


@dataclass(slots=True)
class SealingKey:
    name: Name
    cipher: Cipher
    messages_left: int


@dataclass(frozen=True, slots=True)
class OpeningKey:
    name: Name
    cipher: Cipher


class Keyring:
    """`lifetime` in seconds of `clock`; `capacity` in entries; `current` is the derivation that seals."""

    def __init__(
        self,
        pool: DerivationPool,
        *,
        derivations: Mapping[int, Derivation],
        current: int,
        capacity: int,
        lifetime: float,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        messages_per_salt: int = MESSAGES_PER_SALT,
    ) -> None:
        self._pool = pool
        self._derivations = derivations
        self._current = current
        self._random = random
        self._messages_per_salt = messages_per_salt
        self._secret = random(hashlib.blake2b.MAX_KEY_SIZE)
        self._sealing: ExpiringCache[bytes, SealingKey] = ExpiringCache(
            capacity=capacity, lifetime=lifetime, clock=clock
        )
        self._opening: ExpiringCache[Name, Cipher] = ExpiringCache(capacity=capacity, lifetime=lifetime, clock=clock)
        self._to_seal: SingleFlight[bytes, SealingKey] = SingleFlight()
        self._to_open: SingleFlight[Name, Cipher] = SingleFlight()
        self.lookups: Counter[str] = Counter()

    async def for_sealing(self, key: bytes) -> SealingKey:
        """A key that may seal one message more. Raises Overloaded."""
        fingerprint = self._fingerprint(key)
        depart = partial(self._new_sealing_key, fingerprint, key)
        while True:
            sealing = self._sealing.get(fingerprint)
            self._count(known=sealing is not None, under_way=fingerprint in self._to_seal)
            sealing = sealing or await self._to_seal.join(fingerprint, depart)
            if sealing.messages_left:  # those who shared a derivation may have used it up
                return self._one_message_less(sealing)

    async def for_opening(self, key: bytes, kdf: int, salt: bytes) -> OpeningKey:
        """The key for messages with this salt. Raises UnknownKdf, at once, and Overloaded."""
        if kdf not in self._derivations:
            raise UnknownKdf
        name = Name(self._fingerprint(key), kdf, salt)
        cipher = self._opening.get(name)
        self._count(known=cipher is not None, under_way=name in self._to_open)
        cipher = cipher or await self._to_open.join(name, partial(self._derive, name, key))
        return OpeningKey(name, cipher)

    def trust(self, opening: OpeningKey) -> None:
        """Keep a key that has opened a message; guesses that opened nothing cannot push it out."""
        self._opening.add(opening.name, opening.cipher)

    def sweep(self) -> None:
        self._sealing.sweep()
        self._opening.sweep()

    def kept(self) -> dict[str, int]:
        """How many keys are in memory, by use; one that seals is usually there to open as well."""
        return {"seal": len(self._sealing), "open": len(self._opening)}

    async def _new_sealing_key(self, fingerprint: bytes, key: bytes, begun: TakeOff) -> SealingKey:
        """Once begun it is kept, even if all who wanted it have left: a caller who is quick to try another instance
        would otherwise never find this one ready."""
        name = Name(fingerprint, self._current, self._random(SALT_BYTES))
        sealing = SealingKey(name, await self._derive(name, key, begun), self._messages_per_salt)
        self._sealing.add(fingerprint, sealing)
        self._opening.add(name, sealing.cipher)
        return sealing

    async def _derive(self, name: Name, key: bytes, begun: TakeOff) -> Cipher:
        return Cipher(await self._pool.run(partial(self._derivations[name.kdf], key, name.salt), begun=begun))

    def _one_message_less(self, sealing: SealingKey) -> SealingKey:
        sealing.messages_left -= 1
        if not sealing.messages_left:
            self._sealing.drop(sealing.name.fingerprint)
        return sealing

    def _fingerprint(self, key: bytes) -> bytes:
        return hashlib.blake2b(key, key=self._secret, digest_size=32).digest()

    def _count(self, *, known: bool, under_way: bool) -> None:
        self.lookups["hit" if known else "joined" if under_way else "miss"] += 1
