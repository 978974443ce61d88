"""Which service? The longest prefix that any service claims by its tags; who has a prefix keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from discovery.journal import Journal
from discovery.pool import Pool
from discovery.routing import longest_prefix
from discovery.tags import Route


@dataclass(frozen=True, slots=True)
class Claim:
    """A service that wants a prefix. `is_present`: some instance of it is known."""

    service: str
    route: Route
    is_present: bool


class RouteTable:
    """Learns from pools while the gateway runs."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._claims: dict[str, dict[str, Claim]] = {}  # prefix → service → claim, oldest first
        self._held: Mapping[str, Claim] = {}

    def match(self, path: str) -> Claim | None:
        return longest_prefix(self._held, path)

    def of(self, service: str) -> list[Route]:
        return [claim.route for claim in self._held.values() if claim.service == service]

    def update(self, pool: Pool) -> None:
        """Take in what a service says now. The routes of a service that is down stay until another claims them."""
        wanted = pool.routes.by_prefix
        for prefix, claims in self._claims.items():
            if prefix not in wanted:
                claims.pop(pool.service, None)
        for prefix, route in wanted.items():
            claims = self._claims.setdefault(prefix, {})
            if pool.service not in claims and any(each.is_present for each in claims.values()):
                holder = self._held[prefix].service
                self._journal.record("route_refused", service=pool.service, prefix=prefix, why=f"{holder} has it")
            claims[pool.service] = Claim(pool.service, route, bool(pool.upstreams))
        self._hand_out()

    def _hand_out(self) -> None:
        held = {}
        for prefix, claims in self._claims.items():
            holder = self._held.get(prefix)
            mine = claims.get(holder.service) if holder else None
            if mine is None or not mine.is_present:
                mine = next((each for each in claims.values() if each.is_present), mine)
            mine = mine or next(iter(claims.values()), None)
            if mine is not None:
                held[prefix] = mine
        self._tell(self._held, held)
        self._held = held

    def _tell(self, before: Mapping[str, Claim], after: Mapping[str, Claim]) -> None:
        for prefix in before.keys() | after.keys():
            old, new = before.get(prefix), after.get(prefix)
            if old and (new is None or new.service != old.service):
                self._journal.record("route_removed", service=old.service, prefix=prefix)
            if new and (old is None or new.service != old.service):
                self._journal.record("route_added", service=new.service, prefix=prefix)
