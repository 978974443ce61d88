"""Blocking queries: which part of an answer a client has seen, how long it wants to wait, and the wait itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Generic, TypeVar

from discovery.devagent import durations
from discovery.devagent.messages import Request
from discovery.devagent.topics import Topic
from discovery.devagent.watches import Watches

DEFAULT_WAIT = 300.0
MAX_WAIT = 600.0
JITTER = 1 / 16
"""Consul adds up to this part of the wait, so that those who came together do not all return together."""

Value = TypeVar("Value")


class BadQuery(ValueError):
    """A query that cannot be understood. The message is meant for the caller."""


@dataclass(frozen=True, slots=True)
class Seen(Generic[Value]):
    """An answer, what is to be compared with what the client has seen, and what rings when it changes."""

    value: Value
    is_news: bool
    topics: Collection[Topic]


def index(request: Request) -> int:
    """The index that the client has seen; 0 asks for an answer at once. Raises BadQuery."""
    text = request.first("index")
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) < 2**64):
        raise BadQuery("Invalid index")
    return int(text)


def wait(request: Request) -> float:
    """Seconds, without the jitter. Raises BadQuery."""
    text = request.first("wait")
    try:
        seconds = durations.parse(text) if text else 0.0
    except ValueError:
        raise BadQuery("Invalid wait time") from None
    return min(seconds, MAX_WAIT) if seconds > 0 else DEFAULT_WAIT


async def until_news(
    look: Callable[[], Seen[Value]], watches: Watches, *, seconds: float, random: Callable[[], float]
) -> Value:
    """Look again each time a topic rings, until there is news or the time (with its jitter) is over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds * (1 + JITTER * random())
    seen = look()
    while not seen.is_news and await watches.wait(seen.topics, deadline - loop.time()):
        seen = look()
    return seen.value
