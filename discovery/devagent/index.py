"""At which index each part of the catalog last changed, and who is to be woken when it does.

Every write that changes something takes the next index. Each service has one of its own; a service that nobody
offers answers with the index at which the last service vanished, as in Consul.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field

from discovery.devagent.topics import ANYTHING, EXTINCTION, SERVICES, Topic, service

FIRST = 1


@dataclass(slots=True)
class Write:
    """What one write touches: names of services, and topics besides those."""

    index: int
    names: set[str] = field(default_factory=set)
    topics: set[Topic] = field(default_factory=set)


class Index:
    def __init__(self, offered: Iterable[str] = ()) -> None:
        self.latest = FIRST
        self.services = FIRST
        """Of the list of services and their tags; checks do not move it."""
        self._of = dict.fromkeys(offered, FIRST)
        self._extinction: int | None = None

    def of(self, name: str) -> int:
        return self._of.get(name) or self._extinction or self.latest

    def begin(self) -> Write:
        return Write(self.latest + 1)

    def commit(self, write: Write, offered: Set[str]) -> set[Topic]:
        """Take the index if the write touched anything; `offered` are the services that have instances now.

        Returns the topics to ring.
        """
        if not write.names:
            return set()
        self.latest = write.index
        for name in write.names & offered:
            self._of[name] = write.index
        extinct = write.names - offered
        for name in extinct:
            self._of.pop(name, None)
            self._extinction = write.index
        if SERVICES in write.topics:
            self.services = write.index
        gone = {EXTINCTION} if extinct else set()
        return write.topics | {service(name) for name in write.names} | gone | {ANYTHING}
