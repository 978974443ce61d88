"""What becomes of a check's state: when it is registered, registered again, run, and shown in the catalog."""

from __future__ import annotations

from dataclasses import replace

from discovery.devagent.entries import Check, CheckEntry, Verdict

PUBLISH_OUTPUT_AFTER = 300.0
"""Seconds, Consul's `check_update_interval`: an output that changes without the status reaches the catalog after
half of this and up to one and a half, so that checks that tell the time do not wake every watcher every second."""


def first(check: Check, service_id: str, *, index: int, now: float) -> CheckEntry:
    return CheckEntry(check, service_id, Verdict(check.status, ""), "", index, index, since=now)


def renewed(old: CheckEntry, check: Check, service_id: str) -> CheckEntry:
    """A check that was there under the same ID keeps its status and output, whatever the new one says.

    The time for which it has been critical counts anew.
    """
    return replace(old, check=check, service_id=service_id, critical_since=None)


def after(entry: CheckEntry, verdict: Verdict, *, now: float, random: float) -> CheckEntry:
    """The state after a run. Only a new status is to be published at once; `random` is from 0 to 1."""
    since = now if verdict.status != entry.verdict.status else entry.since
    ran = replace(entry, verdict=verdict, since=since, critical_since=_critical_since(entry, verdict, now))
    if verdict.output == entry.published:
        return replace(ran, publish_at=None)
    later = now + PUBLISH_OUTPUT_AFTER * (0.5 + random)
    return replace(ran, publish_at=later if entry.publish_at is None else entry.publish_at)


def published(entry: CheckEntry, *, index: int) -> CheckEntry:
    return replace(entry, published=entry.verdict.output, publish_at=None, modified=index)


def are_shown_alike(old: CheckEntry, new: CheckEntry) -> bool:
    """Whether the catalog shows nothing new."""
    return _shown(old) == _shown(new) and new.published == new.verdict.output


def is_overdue(entry: CheckEntry, now: float) -> bool:
    """Whether it has been critical for longer than the owner of the instance wants to wait."""
    allowed, since = entry.check.deregister_after, entry.critical_since
    return allowed is not None and since is not None and now - since > allowed


def _shown(entry: CheckEntry) -> tuple[str, ...]:
    return entry.check.name, entry.check.notes, entry.check.kind, entry.service_id


def _critical_since(entry: CheckEntry, verdict: Verdict, now: float) -> float | None:
    if verdict.status != "critical":
        return None
    return now if entry.critical_since is None else entry.critical_since
