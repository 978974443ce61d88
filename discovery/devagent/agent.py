"""The agent: a catalog, the checks that feed it, and the housekeeping, behind one door for the API."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from discovery.devagent.catalog import Catalog
from discovery.devagent.checks import Checks
from discovery.devagent.entries import Registration
from discovery.devagent.watches import Watches

log = logging.getLogger(__name__)

HOUSEKEEPING = 30.0
"""Seconds between looks for instances that have been critical for too long, as in Consul's agent."""


class Agent:
    def __init__(self, catalog: Catalog, checks: Checks, watches: Watches, *, random: Callable[[], float]) -> None:
        self.catalog, self.watches, self.random = catalog, watches, random
        self._checks = checks

    def register(self, registration: Registration, *, replace_checks: bool) -> None:
        gone = self.catalog.register(registration, replace_checks=replace_checks)
        self._checks.stop(gone)
        self._checks.start(registration.checks)
        log.info("registered", extra={"instance": registration.service.id, "service": registration.service.name})

    def deregister(self, service_id: str) -> None:
        known = self.catalog.find(service_id) is not None
        self._checks.stop(self.catalog.deregister(service_id))
        if known:
            log.info("deregistered", extra={"instance": service_id})

    def tidy(self) -> None:
        """Forget who has been critical for too long, and publish the outputs that are due."""
        for service_id in self.catalog.overdue():
            log.warning("critical for too long", extra={"instance": service_id})
            self.deregister(service_id)
        self.catalog.publish_due_outputs()

    async def keep_house(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING)
            self.tidy()

    async def aclose(self) -> None:
        """Answer whoever waits, and end the checks."""
        self.watches.close()
        await self._checks.aclose()
