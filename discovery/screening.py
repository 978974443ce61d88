"""Which of a registry's instances may be called at all, and an event for each that may not, once."""

from __future__ import annotations

from collections.abc import Sequence

from discovery.addresses import Forbidden
from discovery.instance import PRINTABLE, Identity, Instance
from discovery.journal import Journal


class Screen:
    def __init__(self, forbidden: Forbidden, journal: Journal) -> None:
        self._forbidden = forbidden
        self._journal = journal
        self._refused: dict[str, set[tuple[Identity, str]]] = {}

    def callable(self, service: str, instances: Sequence[Instance]) -> tuple[Instance, ...]:
        """Only those that may be called. What was refused is remembered for as long as it is listed."""
        allowed, refused = [], {}
        for each in instances:
            if why := self._forbidden.reason(each.address, each.port) or _bad_name(each):
                refused[each.identity, why] = each
            else:
                allowed.append(each)
        before = self._refused.pop(service, set())
        for (identity, why), each in refused.items():
            if (identity, why) not in before:
                self._journal.record("instance_refused", service=service, instance=each.id, why=why)
        if refused:
            self._refused[service] = set(refused)
        return tuple(allowed)


def _bad_name(instance: Instance) -> str:
    return "" if PRINTABLE.fullmatch(instance.id) else "an ID that cannot stand in a header"
