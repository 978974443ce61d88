"""A steady load: requests begin on schedule, whatever becomes of those before them.

Who waits for an answer before the next request sends less to a service that hangs, and so leaves out of the report
what its clients suffer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import httpx2

from discovery.drills.report import Tally

HANGS = 15.0
"""Seconds after which a request has no answer: more than the deadline of a call and a small body take."""


class Load:
    """`send` makes one request; an answer with another status than `expected` has failed. `rate`: requests a second.

    Runs from `start` on; `stop` waits for what is on its way, `aclose` does not.
    """

    def __init__(self, send: Callable[[], Awaitable[httpx2.Response]], tally: Tally, *, expected: int, rate: float):
        self._send = send
        self._tally = tally
        self._expected = expected
        self._rate = rate
        self._schedule: asyncio.Task[None] | None = None
        self._on_their_way: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._schedule = asyncio.create_task(self._keep_schedule(), name="load")

    async def more(self, seconds: float) -> None:
        """Return when as many requests have ended as begin in this time."""
        enough = self._tally.requests + seconds * self._rate
        while self._tally.requests < enough:
            await asyncio.sleep(0.5 / self._rate)

    async def stop(self) -> None:
        await self._begin_no_more()
        await asyncio.gather(*self._on_their_way)

    async def aclose(self) -> None:
        await self._begin_no_more()
        for request in self._on_their_way:
            request.cancel()
        await asyncio.gather(*self._on_their_way, return_exceptions=True)

    async def _begin_no_more(self) -> None:
        if self._schedule is not None:
            self._schedule.cancel()
            await asyncio.gather(self._schedule, return_exceptions=True)

    async def _keep_schedule(self) -> None:
        due = monotonic()
        while True:
            await asyncio.sleep(due - monotonic())
            request = asyncio.create_task(self._request(due))
            self._on_their_way.add(request)
            request.add_done_callback(self._on_their_way.discard)
            due += 1 / self._rate

    async def _request(self, due: float) -> None:
        try:
            async with asyncio.timeout(HANGS):
                response = await self._send()
        except TimeoutError:
            self._tally.failed(f"no answer within {HANGS:g} s", monotonic() - due)
        except Exception as error:  # whatever it is, a client got it instead of an answer
            self._tally.failed(f"{type(error).__name__}: {error}", monotonic() - due)
        else:
            self._judge(response, monotonic() - due)

    def _judge(self, response: httpx2.Response, seconds: float) -> None:
        if response.status_code == self._expected:
            self._tally.answered(response.extensions["instance"], seconds)
        else:
            self._tally.failed(f"status {response.status_code}", seconds)
