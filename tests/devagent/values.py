"""Registrations, checks and a catalog to try things on, with as little said as a test needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from discovery.devagent.catalog import Catalog
from discovery.devagent.entries import Check, Node, Registration, Service, Verdict
from discovery.devagent.topics import Topic
from discovery.instance import Health

NODE = Node("machine", "0123", "127.0.0.1", 8500, "1-devagent")
PASSING = Verdict("passing", "fine")
CRITICAL = Verdict("critical", "broken")


@dataclass
class Bench:
    """A catalog whose clock stands still, and everything that it has rung."""

    now: float = 0.0
    random: float = 0.5
    rung: list[set[Topic]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.catalog = Catalog(NODE, clock=lambda: self.now, random=lambda: self.random, ring=self.rung.append)

    def register(self, service_id: str, *checks: Check, name: str = "shop", replace: bool = True) -> list[str]:
        registration = Registration(Service(service_id, name), checks)
        return self.catalog.register(registration, replace_checks=replace)

    def status(self, service_id: str) -> list[str]:
        return [entry.verdict.status for entry in self.catalog.checks_of(service_id)]

    def take_rung(self) -> set[Topic]:
        """The topics that were rung since the last look."""
        topics = {topic for each in self.rung for topic in each}
        self.rung.clear()
        return topics


def check(check_id: str, status: Health = "critical", *, deregister_after: float | None = None) -> Check:
    return Check(
        id=check_id,
        name="answers",
        kind="http",
        target="http://127.0.0.1:1/",
        host="127.0.0.1",
        port=1,
        interval=1.0,
        timeout=1.0,
        status=status,
        deregister_after=deregister_after,
    )
