"""Many requests, each with a body of its own, many of them given up in the middle: who gets whose answer?"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from services.gateway.arrival import Arrival
from services.gateway.connection import Connection, Exchange
from services.gateway.flow import Flow
from services.gateway.listener import Listener
from services.gateway.reader import RequestReader
from services.gateway.response import Response
from services.gateway.responses import ResponseReader

from .front import Client, Front

KINDS = (Arrival, Connection, Exchange, Flow, Listener, RequestReader, Response, ResponseReader)

SIZES = (0, 10, 100, 1000) * 5 + (70_000,)


@dataclass
class Outcome:
    """`matched` answers belonged to their requests, `strange` ones did not, `given_up` were not waited for."""

    matched: int = 0
    given_up: int = 0
    strange: list[bytes] = field(default_factory=list)


async def storm(gateway: Front, *, requests: int, clients: int, give_up: float, seed: int) -> Outcome:
    """So many requests from so many clients at once, of which a share is given up at any moment."""
    outcome, random = Outcome(), Random(seed)
    left = iter(range(requests))

    async def one_client() -> None:
        while (number := next(left, None)) is not None:
            async with gateway.client() as client:
                while number is not None and await _one_request(client, number, outcome, random, give_up):
                    number = next(left, None)

    await asyncio.gather(*(one_client() for _ in range(clients)))
    return outcome


async def _one_request(client: Client, number: int, outcome: Outcome, random: Random, give_up: float) -> bool:
    """Whether the connection can be used again."""
    body = b"%d:" % number + random.randbytes(random.choice(SIZES))
    gives_up = random.random() < give_up
    head = b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (number, len(body))
    whole = head + body
    await client.say(whole[: random.randrange(len(whole) + 1)] if gives_up and random.random() < 0.5 else whole)
    if gives_up:
        for _ in range(random.randrange(6)):
            await asyncio.sleep(0)
        outcome.given_up += 1
        return False
    got = await client.answer()
    if (got.status, got.body) == (200, body):
        outcome.matched += 1
    else:
        outcome.strange.append(got.raw[:200])
    return not got.all(b"connection")


def census() -> Counter[str]:
    """How many there are of what must not pile up: tasks, and objects that live for a request or a connection."""
    gc.collect()
    found = Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, KINDS))
    found["Task"] = len(asyncio.all_tasks())
    return found
