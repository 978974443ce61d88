"""The checks, to be found by their own ID and by the instance that they belong to."""

from __future__ import annotations

from collections import defaultdict

from discovery.devagent.entries import CheckEntry


class CheckTable:
    def __init__(self) -> None:
        self._entries: dict[str, CheckEntry] = {}
        self._of: defaultdict[str, dict[str, None]] = defaultdict(dict)

    def get(self, check_id: str) -> CheckEntry | None:
        return self._entries.get(check_id)

    def of(self, service_id: str) -> list[CheckEntry]:
        return [self._entries[check_id] for check_id in self._of.get(service_id, ())]

    def all(self) -> list[CheckEntry]:
        return list(self._entries.values())

    def put(self, entry: CheckEntry) -> None:
        """An ID belongs to one instance at a time: the last that was registered with it."""
        old = self._entries.get(entry.check.id)
        if old is not None and old.service_id != entry.service_id:
            self.remove(entry.check.id)
        self._entries[entry.check.id] = entry
        self._of[entry.service_id][entry.check.id] = None

    def remove(self, check_id: str) -> None:
        entry = self._entries.pop(check_id)
        del self._of[entry.service_id][check_id]
        if not self._of[entry.service_id]:
            del self._of[entry.service_id]
