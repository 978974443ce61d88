"""The registry's state: who is registered, how they are, and what changed when.

No I/O: the clock, the randomness and the bell that wakes waiting queries are passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from discovery.devagent import check_states
from discovery.devagent.check_table import CheckTable
from discovery.devagent.entries import Check, CheckEntry, Node, Registration, Service, ServiceEntry, Verdict
from discovery.devagent.index import FIRST, Index, Write
from discovery.devagent.topics import ANYTHING, EXTINCTION, SERVICES, Topic, instance, service

REGISTRY = "consul"
"""The name under which the registry lists itself."""

Ring = Callable[[set[Topic]], None]


class Catalog:
    def __init__(self, node: Node, *, clock: Callable[[], float], random: Callable[[], float], ring: Ring) -> None:
        self.node = node
        self.index = Index([REGISTRY])
        self.revision = 0
        """Grows with everything that anybody can see, outputs that are not published yet included."""
        self._clock, self._random, self._ring = clock, random, ring
        self._services: dict[str, ServiceEntry] = {}
        self._checks = CheckTable()
        registry = Service(REGISTRY, REGISTRY, port=node.port, meta={"version": node.version})
        self._registry = ServiceEntry(registry, created=FIRST, modified=FIRST)

    def entries(self) -> list[ServiceEntry]:
        """All of the catalog, the registry itself included, in the order of the IDs."""
        return sorted([self._registry, *self._services.values()], key=lambda entry: entry.service.id)

    def instances(self, name: str) -> list[ServiceEntry]:
        return [entry for entry in self.entries() if entry.service.name == name]

    def registered(self) -> Sequence[ServiceEntry]:
        """What was registered here: all but the registry itself."""
        return tuple(self._services.values())

    def find(self, service_id: str) -> ServiceEntry | None:
        return self._services.get(service_id)

    def checks_of(self, service_id: str) -> list[CheckEntry]:
        return self._checks.of(service_id)

    def topics(self, name: str) -> set[Topic]:
        """What rings when the answer about a service may change."""
        return {service(name)} if name in self._offered() else {service(name), EXTINCTION}

    def age(self, entry: CheckEntry) -> float:
        """Seconds since the status of a check last changed."""
        return self._clock() - entry.since

    def overdue(self) -> set[str]:
        """IDs of the instances that have been critical for longer than they allow."""
        now = self._clock()
        return {entry.service_id for entry in self._checks.all() if check_states.is_overdue(entry, now)}

    def register(self, registration: Registration, *, replace_checks: bool) -> list[str]:
        """Add or renew an instance and its checks; returns the IDs of the checks that this removes."""
        service_id = registration.service.id
        with self._write() as write:
            self._put_service(registration.service, write)
            for check in registration.checks:
                self._put_check(check, service_id, write)
            kept = {check.id for check in registration.checks}
            return self._drop_checks(service_id, write, keep=kept) if replace_checks else []

    def deregister(self, service_id: str) -> list[str]:
        """Forget an instance and its checks; returns the IDs of the checks. Unknown instances are no error."""
        entry = self._services.get(service_id)
        if entry is None:
            return []
        with self._write() as write:
            removed = self._drop_checks(service_id, write)
            del self._services[service_id]
            write.names.add(entry.service.name)
            write.topics |= {SERVICES, instance(service_id)}
            return removed

    def report(self, check_id: str, verdict: Verdict) -> None:
        """Take note of a run of a check. One that ended after its check was removed changes nothing."""
        entry = self._checks.get(check_id)
        if entry is None:
            return
        ran = check_states.after(entry, verdict, now=self._clock(), random=self._random())
        if verdict.status != entry.verdict.status:
            with self._write() as write:
                self._publish(ran, write)
        else:
            self._checks.put(ran)
            if verdict.output != entry.verdict.output:
                self._changed({ANYTHING})

    def publish_due_outputs(self) -> None:
        now = self._clock()
        due = [entry for entry in self._checks.all() if entry.publish_at is not None and entry.publish_at <= now]
        with self._write() as write:
            for entry in due:
                self._publish(entry, write)

    @contextmanager
    def _write(self) -> Iterator[Write]:
        write = self.index.begin()
        yield write
        topics = self.index.commit(write, self._offered() if write.names else set())
        if topics:
            self._changed(topics)

    def _changed(self, topics: set[Topic]) -> None:
        self.revision += 1
        self._ring(topics)

    def _offered(self) -> set[str]:
        return {entry.service.name for entry in self._services.values()} | {REGISTRY}

    def _put_service(self, described: Service, write: Write) -> None:
        old = self._services.get(described.id)
        if old is not None and old.service == described:
            return
        created = old.created if old is not None else write.index
        self._services[described.id] = ServiceEntry(described, created, write.index)
        write.names |= {described.name} | ({old.service.name} if old is not None else set())
        write.topics |= {SERVICES, instance(described.id)}

    def _put_check(self, check: Check, service_id: str, write: Write) -> None:
        old = self._checks.get(check.id)
        if old is None:
            self._publish(check_states.first(check, service_id, index=write.index, now=self._clock()), write)
            return
        new = check_states.renewed(old, check, service_id)
        if check_states.are_shown_alike(old, new):
            self._checks.put(new)
        else:
            self._publish(new, write)
            write.names.add(self._services[old.service_id].service.name)

    def _publish(self, entry: CheckEntry, write: Write) -> None:
        self._checks.put(check_states.published(entry, index=write.index))
        write.names.add(self._services[entry.service_id].service.name)

    def _drop_checks(self, service_id: str, write: Write, *, keep: Sequence[str] | set[str] = ()) -> list[str]:
        removed = [entry.check.id for entry in self.checks_of(service_id) if entry.check.id not in keep]
        for check_id in removed:
            self._checks.remove(check_id)
            write.names.add(self._services[service_id].service.name)
        return removed
