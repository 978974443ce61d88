"""Stand-ins at the real seams of the encrypt service: a clock, derivations, a log; and how to wait."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2
from fastapi import FastAPI

from services.encrypt.derivation import DerivationPool
from services.encrypt.keyring import MESSAGES_PER_SALT, Keyring
from services.encrypt.settings import EncryptSettings

DEADLINE = 30.0


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class QuickDerivation:
    """Costs nothing, and remembers the salts that it was asked for."""

    salts: list[bytes] = field(default_factory=list)

    def __call__(self, key: bytes, salt: bytes) -> bytes:
        self.salts.append(salt)
        return hashlib.blake2b(key, salt=salt[:16], digest_size=32).digest()


@dataclass
class HeldDerivation(QuickDerivation):
    """Does not end before it is let go; `begun` counts those that have a thread."""

    entries: list[bytes] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)

    @property
    def begun(self) -> int:
        return len(self.entries)

    def __call__(self, key: bytes, salt: bytes) -> bytes:
        self.entries.append(salt)
        assert self.go.wait(DEADLINE)
        return super().__call__(key, salt)


class FailingDerivation:
    """Says what it was asked, as a careless library might."""

    def __call__(self, key: bytes, salt: bytes) -> bytes:
        raise RuntimeError(f"cannot derive from {key!r} and {salt!r}")


class Records(logging.Handler):
    """Everything that is logged while it is attached, whatever the level."""

    def __init__(self) -> None:
        super().__init__(0)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def said(self) -> str:
        """All of it: messages, extras, tracebacks."""
        formatter = logging.Formatter()
        return "\n".join(f"{formatter.format(record)} {record.__dict__!r}" for record in self.records)


def keyring(
    derivation: Callable[[bytes, bytes], bytes],
    *,
    clock: Callable[[], float] | None = None,
    random: Callable[[int], bytes] | None = None,
    capacity: int = 100,
    messages_per_salt: int = MESSAGES_PER_SALT,
    workers: int = 2,
    queue: int = 10,
) -> Keyring:
    """A keyring whose only derivation, number 1, is this one; keys live for 600 s."""
    return Keyring(
        DerivationPool(workers=workers, queue=queue, clock=Clock()),
        derivations={1: derivation},
        current=1,
        capacity=capacity,
        lifetime=600.0,
        clock=clock or Clock(),
        random=random or Different(),
        messages_per_salt=messages_per_salt,
    )


@dataclass
class Different:
    """Random bytes that are different each time, and the same in each run."""

    calls: int = 0

    def __call__(self, length: int) -> bytes:
        self.calls += 1
        return hashlib.shake_128(self.calls.to_bytes(8)).digest(length)


def quiet_settings(**values: object) -> EncryptSettings:
    """Settings that are what is said here, whatever the environment."""
    return EncryptSettings.model_validate(EncryptSettings.model_construct().model_dump() | values)


def client(app: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://encrypt")


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, not for a time."""
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.001)
