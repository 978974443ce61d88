"""The registry's state and its index: who is registered, how they are, and what changed when.

No I/O: the clock, the randomness and the bell that wakes waiting queries are passed in. As in Consul, every write
that changes something takes the next index, each service has an index of its own, and a service that nobody offers
answers with the index at which the last one vanished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain

from discovery.devagent.entries import Check, CheckEntry, Node, Registration, Service, ServiceEntry, Verdict
from discovery.devagent.topics import ANYTHING, EXTINCTION, SERVICES, Topic, instance, service

PUBLISH_OUTPUT_AFTER = 300.0
"""Seconds, Consul's `check_update_interval`: an output that changes without the status reaches the catalog after
half of this and up to one and a half, so that checks that tell the time do not wake every watcher every second."""

Ring = Callable[[set[Topic]], None]


@dataclass(slots=True)
class _Write:
    """What one write touches; it takes an index only if that is something."""

    index: int
    names: set[str] = field(default_factory=set)
    topics: set[Topic] = field(default_factory=set)


class Catalog:
    def __init__(self, node: Node, *, clock: Callable[[], float], random: Callable[[], float], ring: Ring) -> None:
        self.node = node
        self.index = 1
        self.services_index = 1
        self.revision = 0
        """Grows with everything that anybody can see, outputs that are not published yet included."""
        self._clock, self._random, self._ring = clock, random, ring
        self._services: dict[str, ServiceEntry] = {}
        self._checks: dict[str, CheckEntry] = {}
        registry = Service("consul", "consul", port=node.port, meta={"version": node.version})
        self._registry = ServiceEntry(registry, created=1, modified=1)
        self._index_of: dict[str, int] = {"consul": 1}
        self._extinction: int | None = None

    # What is seen from outside

    def entries(self) -> Iterator[ServiceEntry]:
        """All of the catalog, the registry itself included, in order of their IDs."""
        found = chain([self._registry], self._services.values())
        return iter(sorted(found, key=lambda entry: entry.service.id))

    def instances(self, name: str) -> list[ServiceEntry]:
        return [entry for entry in self.entries() if entry.service.name == name]

    def registered(self) -> Sequence[ServiceEntry]:
        """What was registered on this agent."""
        return tuple(self._services.values())

    def find(self, service_id: str) -> ServiceEntry | None:
        return self._services.get(service_id)

    def checks(self) -> Sequence[CheckEntry]:
        return tuple(self._checks.values())

    def checks_of(self, service_id: str) -> list[CheckEntry]:
        return [entry for entry in self._checks.values() if entry.service_id == service_id]

    def age(self, entry: CheckEntry) -> float:
        """Seconds since the status of a check last changed."""
        return self._clock() - entry.since

    def exists(self, name: str) -> bool:
        return name in self._index_of

    def index_of(self, name: str) -> int:
        """The index of a service; for one that nobody offers, that at which the last service vanished."""
        return self._index_of.get(name) or self._extinction or self.index

    # What changes it

    def register(self, registration: Registration, *, replace_checks: bool) -> list[str]:
        """Add or renew an instance and its checks; returns the IDs of the checks that are gone.

        A check that was there under the same ID keeps its status and output, whatever the new one says.
        """
        service_id = registration.service.id
        kept = {check.id for check in registration.checks}
        with self._write() as write:
            self._put_service(registration.service, write)
            for check in registration.checks:
                self._put_check(check, service_id, write)
            return self._drop_checks(service_id, write, keep=kept) if replace_checks else []

    def deregister(self, service_id: str) -> list[str]:
        """Forget an instance and its checks; returns the IDs of the checks. Unknown instances are no error."""
        entry = self._services.get(service_id)
        if entry is None:
            return []
        with self._write() as write:
            self._forget_service(entry, write)
            return self._drop_checks(service_id, write, keep=set())

    def report(self, check_id: str, verdict: Verdict) -> None:
        """Take note of a run of a check. One that ended after its check was removed changes nothing."""
        entry = self._checks.get(check_id)
        if entry is None:
            return
        now = self._clock()
        noted = replace(entry, verdict=verdict, critical_since=_critical_since(entry, verdict, now))
        if verdict.status != entry.verdict.status:
            with self._write() as write:
                self._publish(replace(noted, since=now), write)
        elif verdict.output != entry.verdict.output:
            later = now + PUBLISH_OUTPUT_AFTER * (0.5 + self._random())
            self._checks[check_id] = replace(noted, publish_at=entry.publish_at or later)
            self._changed({ANYTHING})
        else:
            self._checks[check_id] = noted

    def publish_due_outputs(self) -> None:
        now = self._clock()
        with self._write() as write:
            for entry in self.checks():
                if entry.publish_at is not None and entry.publish_at <= now:
                    self._publish(entry, write)

    def overdue(self) -> set[str]:
        """IDs of the instances with a check that has been critical for longer than its owner wants to wait."""
        now = self._clock()
        return {
            entry.service_id
            for entry in self._checks.values()
            if entry.check.deregister_after is not None
            and entry.critical_since is not None
            and now - entry.critical_since > entry.check.deregister_after
        }

    # How

    @contextmanager
    def _write(self) -> Iterator[_Write]:
        write = _Write(self.index + 1)
        yield write
        if not write.names:
            return
        self.index = write.index
        offered = {entry.service.name for entry in self._services.values()} | {"consul"}
        for name in write.names:
            if name in offered:
                self._index_of[name] = write.index
            else:
                self._index_of.pop(name, None)
                self._extinction = write.index
                write.topics.add(EXTINCTION)
        if SERVICES in write.topics:
            self.services_index = write.index
        self._changed(write.topics | {service(name) for name in write.names} | {ANYTHING})

    def _changed(self, topics: set[Topic]) -> None:
        self.revision += 1
        self._ring(topics)

    def _put_service(self, described: Service, write: _Write) -> None:
        old = self._services.get(described.id)
        if old is not None and old.service == described:
            return
        created = old.created if old is not None else write.index
        self._services[described.id] = ServiceEntry(described, created, write.index)
        write.names |= {described.name} | ({old.service.name} if old is not None else set())
        write.topics |= {SERVICES, instance(described.id)}

    def _put_check(self, check: Check, service_id: str, write: _Write) -> None:
        old = self._checks.get(check.id)
        if old is None:
            verdict, now = Verdict(check.status, ""), self._clock()
            new = CheckEntry(check, service_id, verdict, "", write.index, write.index, since=now)
            self._publish(new, write)
            return
        renewed = replace(old, check=check, service_id=service_id, critical_since=None)
        if _is_seen_alike(old, renewed):
            self._checks[check.id] = renewed
        else:
            self._publish(renewed, write)

    def _publish(self, entry: CheckEntry, write: _Write) -> None:
        self._checks[entry.check.id] = replace(
            entry, published=entry.verdict.output, publish_at=None, modified=write.index
        )
        write.names.add(self._services[entry.service_id].service.name)

    def _drop_checks(self, service_id: str, write: _Write, *, keep: set[str]) -> list[str]:
        gone = [
            entry.check.id
            for entry in self._checks.values()
            if entry.service_id == service_id and entry.check.id not in keep
        ]
        for check_id in gone:
            del self._checks[check_id]
        if gone and service_id in self._services:
            write.names.add(self._services[service_id].service.name)
        return gone

    def _forget_service(self, entry: ServiceEntry, write: _Write) -> None:
        del self._services[entry.service.id]
        write.names.add(entry.service.name)
        write.topics |= {SERVICES, instance(entry.service.id)}


def _critical_since(entry: CheckEntry, verdict: Verdict, now: float) -> float | None:
    if verdict.status != "critical":
        return None
    return now if entry.critical_since is None else entry.critical_since


def _is_seen_alike(old: CheckEntry, new: CheckEntry) -> bool:
    def shown(entry: CheckEntry) -> tuple[str, ...]:
        return entry.check.name, entry.check.notes, entry.check.kind, entry.service_id

    return shown(old) == shown(new) and new.published == new.verdict.output
