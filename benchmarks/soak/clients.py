"""Clients of every temper. Those of a kind share one count of requests, and all leave their results in one tally."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from random import Random

from benchmarks.soak.dialogue import PATH, Dialogue, request
from benchmarks.soak.tally import Tally

BROKEN = (OSError, EOFError, TimeoutError, ValueError)

CANCELS = 0.02
"""Share of requests that a patient client gives up after all, up to 5 ms after it sent them."""

LARGE = 0.005
"""Share of bodies that are too large to be kept for another try; all others are below 2 KiB."""


class Patient:
    """Asks, compares, asks again; sometimes it changes its mind and leaves, to come back on another connection."""

    def __init__(self, port: int, random: Random, tally: Tally) -> None:
        self._port = port
        self._random = random
        self._tally = tally
        self._dialogue: Dialogue | None = None

    async def ask_all(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            gives_up = self._random.random() < CANCELS
            await self.ask(unique(number, self._random), self._random.uniform(0, 0.005) if gives_up else None)
        await self.leave()

    async def ask(self, body: bytes, patience: float | None = None) -> None:
        """`patience`: seconds until it gives up."""
        try:
            async with asyncio.timeout(patience):
                self._dialogue = self._dialogue or await Dialogue.open(self._port)
                reply = await self._dialogue.ask(body)
        except BROKEN as error:
            if patience is not None and isinstance(error, TimeoutError):
                self._tally.cancelled += 1
            else:
                self._tally.failures[type(error).__name__] += 1
            self._abort()
        else:
            self._tally.judge(body, reply)
            if reply.is_last:
                await self.leave()

    async def leave(self) -> None:
        if self._dialogue is not None:
            await self._dialogue.close()
            self._dialogue = None

    def _abort(self) -> None:
        if self._dialogue is not None:
            self._dialogue.abort()
            self._dialogue = None


async def vanish_all(port: int, numbers: Iterator[int], random: Random, tally: Tally) -> None:
    """Leave in the middle: of a request's head, of its body, of the wait, or of the answer."""
    for number in numbers:
        whole = request(unique(number, random))
        with suppress(*BROKEN):
            dialogue = await Dialogue.open(port)
            await dialogue.say(whole[: random.randrange(1, 2 * len(whole))])
            await asyncio.sleep(random.choice((0, 0, random.uniform(0, 0.01))))
            if random.random() < 0.3:
                with suppress(*BROKEN):
                    async with asyncio.timeout(0.05):
                        await dialogue.read(random.randrange(1, 200))
            dialogue.abort() if random.random() < 0.5 else await dialogue.close()
            tally.vanished += 1


async def trickle(port: int, *, size: int, bytes_a_second: int) -> int:
    """Ask for much and read little, until cancelled. Returns how many bytes were read by then."""
    dialogue, read = await Dialogue.open(port), 0
    try:
        await dialogue.say(request(b"", path=f"{PATH}?bytes={size}"))
        while data := await dialogue.read(bytes_a_second):
            read += len(data)
            await asyncio.sleep(1)
    except asyncio.CancelledError:
        pass
    finally:
        dialogue.abort()
    return read


def unique(number: int, random: Random) -> bytes:
    size = 100_000 if random.random() < LARGE else random.randrange(2_048)
    return b"%d " % number + random.randbytes(size)
