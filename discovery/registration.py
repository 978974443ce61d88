"""Keep one instance registered, whatever happens to Consul, and take out only what is ours.

An instance registers, then holds a blocking query on its own entry: it learns within milliseconds that the agent
forgot it. The entry of a newer boot that answers is left alone: that process is our successor.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from random import Random
from typing import Protocol

from discovery.backoff import full_jitter
from discovery.documents import Entry, Registration
from discovery.errors import RegistryError, RegistryRefused
from discovery.instance import Health, Instance
from discovery.watch import WAIT, TokenBucket

log = logging.getLogger(__name__)

REFUSED_PAUSE = 10.0
"""Seconds between questions to an agent that refuses (its limit of connections, or a token)."""


AGAIN = 0.25
"""Seconds between withdrawals of an instance whose registration may still land."""


class Agent(Protocol):
    """The part of Consul that a registration needs."""

    async def register(self, registration: Registration, health: Health = "passing") -> None: ...
    async def deregister(self, instance_id: str) -> None: ...
    async def entry(self, instance_id: str, *, content_hash: str = "", wait: float = 60.0) -> Entry | None: ...


class Standing(Enum):
    """What the agent's record means for the instance that reads it."""

    OURS = auto()
    LOST = auto()
    SUCCEEDED = auto()


def standing(entry: Entry | None, registration: Registration) -> Standing:
    """Whose is the record? Boot IDs sort by the time of their start.

    A record with our own address and port is nobody else's, whatever a clock said: we hold the port.
    """
    if entry is None:
        return Standing.LOST
    mine, found = registration.instance, entry.instance
    is_our_place = (found.address, found.port) == (mine.address, mine.port)
    if found.boot_id > mine.boot_id and not is_our_place:
        return Standing.SUCCEEDED
    same = (found.identity, found.service, found.tags) == (mine.identity, mine.service, mine.tags)
    return Standing.OURS if same else Standing.LOST


def new_boot_id(started: float, random: Random) -> str:
    """Names one process: its start in Unix milliseconds, then 64 random bits, all in hex, so that it sorts."""
    return f"{int(started * 1000):012x}{random.getrandbits(64):016x}"


class Registrar:
    """Registers one instance and stays by it.

    `probe` asks the instance itself whether it answers, `is_alive` another one that has its ID: where a clock went
    back, a boot that looks newer can be a ghost. `wait`: seconds that the agent is asked to wait for news of the entry.
    """

    def __init__(
        self,
        agent: Agent,
        registration: Registration,
        *,
        probe: Callable[[], Awaitable[bool]],
        is_alive: Callable[[Instance], Awaitable[bool]],
        random: Random,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        wait: float = WAIT,
    ) -> None:
        self._agent = agent
        self._registration = registration
        self._has_yielded = False
        self._probe = probe
        self._is_alive = is_alive
        self._random = random
        self._clock = clock
        self._sleep = sleep
        self._wait = wait
        self._bucket = TokenBucket()
        self._failures = 0
        self._registering: asyncio.Task[None] | None = None
        self.registered = asyncio.Event()

    async def keep(self) -> None:
        """Until cancelled: whenever the agent has no record of this boot, register it."""
        content_hash = ""
        while True:
            # An agent that does not block, or somebody who fights for the entry, must not make this a busy loop.
            if pause := self._bucket.delay(self._clock()):
                await self._sleep(pause)
            try:
                entry = await self._agent.entry(self._id, content_hash=content_hash, wait=self._wait)
                content_hash = await self._answer(entry)
                self._failures = 0
            except RegistryError as error:
                content_hash = ""
                await self._pause(error)

    async def withdraw(self) -> None:
        """Deregister this boot; the record of another is left alone. Raises RegistryError.

        A registration that was under way when keeping ended may land at any moment until it is answered: that is waited
        for, and taken out too. Whoever calls limits the time.
        """
        self.registered.clear()
        try:
            while self._registering is not None and not self._registering.done():
                # Unasked whose it is: what an agent that hangs is told last, it does last.
                await self._agent.deregister(self._id)
                await asyncio.wait([self._registering], timeout=AGAIN)
            await self._take_out()
        finally:
            if self._registering is not None:
                self._registering.cancel()

    async def _take_out(self) -> None:
        entry = await self._agent.entry(self._id)
        if entry is not None and entry.instance.boot_id == self._registration.instance.boot_id:
            await self._agent.deregister(self._id)
            log.info("deregistered", extra={"instance": self._id})

    @property
    def _id(self) -> str:
        return self._registration.instance.id

    async def _answer(self, entry: Entry | None) -> str:
        """Do what the record calls for and say which hash to wait on next."""
        state = standing(entry, self._registration)
        if state is Standing.SUCCEEDED and entry is not None and not await self._is_alive(entry.instance):
            log.warning("a ghost has this ID, with a newer boot", extra={"instance": self._id})
            state = Standing.LOST
        if state is Standing.LOST:
            await self._register()
            return ""
        if state is Standing.SUCCEEDED and not self._has_yielded:
            log.warning("a newer process has this ID", extra={"instance": self._id})
            self.registered.clear()
        self._has_yielded = state is Standing.SUCCEEDED
        return entry.content_hash if entry else ""

    async def _register(self) -> None:
        health: Health = "passing" if await self._probe() else "critical"
        began = self._clock()
        self._registering = asyncio.create_task(self._agent.register(self._registration, health), name="register")
        await asyncio.shield(self._registering)  # cut off, it could land when nobody is left to take it out
        self.registered.set()
        took = round((self._clock() - began) * 1000)
        log.info("registered", extra={"instance": self._id, "health": health, "milliseconds": took})

    async def _pause(self, error: RegistryError) -> None:
        if self._failures == 0:
            log.warning("the registry does not answer", extra={"instance": self._id, "error": str(error)})
        longest = REFUSED_PAUSE if isinstance(error, RegistryRefused) else 1.0
        await self._sleep(full_jitter(self._random, self._failures, longest=longest))
        self._failures += 1
