"""Names become live instances: one watch for each service that anybody asked for, whole snapshots, last known good."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any, Protocol

from discovery.addresses import Forbidden
from discovery.documents import Answer
from discovery.errors import RegistryError
from discovery.following import Following
from discovery.instance import NAME, Instance
from discovery.journal import Journal
from discovery.learning import REGISTRY, Learning
from discovery.pool import Pool
from discovery.prober import Asks, Prober
from discovery.screening import Screen
from discovery.tags import is_route
from discovery.watch import WAIT, Snapshot, watch

CATALOG = ""
"""The name of the watch on the list of services, which no service can have."""

UNWANTED = 300.0
"""Seconds without a call, or a listing, after which a service that has nobody is no longer asked for: each question
that waits holds one of the few connections that an agent grants."""


class Registry(Protocol):
    """The part of Consul that a resolver needs."""

    async def services(self, *, index: int = 0, wait: float = 60.0) -> Answer[Mapping[str, Sequence[str]]]: ...
    async def instances(self, service: str, *, index: int = 0, wait: float = 60.0) -> Answer[tuple[Instance, ...]]: ...


class Resolver:
    """Use it with `async with`: its tasks end with it. `on_snapshot` is told of each pool that took one.

    `wait`: seconds for which the registry is asked to wait for news.
    """

    def __init__(
        self,
        registry: Registry,
        probe: Asks,
        *,
        journal: Journal,
        clock: Callable[[], float],
        random: Random,
        forbidden: Forbidden,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        on_snapshot: Callable[[Pool], None] = lambda _pool: None,
        wait: float = WAIT,
    ) -> None:
        self.pools: dict[str, Pool] = {}
        self._registry = registry
        self._prober = Prober(probe, random=random, sleep=sleep)
        self._journal = journal
        self._clock = clock
        self._random = random
        self._screen = Screen(forbidden, journal)
        self._sleep = sleep
        self._on_snapshot = on_snapshot
        self._wait = wait
        self._following = Following(sleep)
        self._known: dict[str, asyncio.Event] = {}
        self._waiting: Counter[str] = Counter()
        self._wanted: dict[str, float] = {}
        self._recalled: list[Pool] = []
        self._heard: dict[str, bool] = {}
        self._learning = Learning()

    async def __aenter__(self) -> Resolver:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._following.aclose()
        await self._prober.aclose()

    @property
    def hears_registry(self) -> bool:
        """Whether any watch gets answers: one alone that does not has trouble of its own, with a token perhaps."""
        return not self._heard or any(self._heard.values())

    @property
    def has_learnt(self) -> bool:
        """Whether everything is known that there was to know at the start. What is learnt is not unlearnt.

        While the registry is silent, or names no routes, it is enough that somebody of a former life has proven to be
        there.
        """
        is_told = not self.hears_registry or CATALOG in self._heard
        if not self._learning.has_begun and is_told and any(pool.choose() for pool in self._recalled):
            return True
        return self._learning.is_over(
            self._clock(),
            is_known=lambda service: service not in self._known or self._known[service].is_set(),
            has_instances=lambda: any(pool.upstreams for pool in self.pools.values()),
        )

    def follow(self, service: str) -> Pool:
        """The pool of a service, kept up to date from now on: while it has anybody, or is asked for now and then.

        Raises ValueError for what is no service's name.
        """
        if not NAME.fullmatch(service) or service == REGISTRY:
            raise ValueError(f"{service!r} is no service that can be called")
        if service not in self.pools:
            self.pools[service] = Pool(
                service,
                journal=self._journal,
                clock=self._clock,
                random=self._random,
                on_doubt=self._prober.doubt,
            )
        self._wanted[service] = self._clock()
        if service not in self._following:
            self._known[service] = asyncio.Event()
            self._following.start(service, partial(self._follow, service))
        return self.pools[service]

    async def known(self, service: str) -> Pool:
        """The pool of a service, once the registry has said anything about it."""
        pool = self.follow(service)
        self._waiting[service] += 1
        try:
            await self._known[service].wait()
        finally:
            self._waiting[service] -= 1
        return pool

    def make_room(self, most: int) -> bool:
        """Forget who was unwanted for longest, if so many services have nobody. False when all are waited for."""
        nobody = [service for service, pool in self.pools.items() if not pool.upstreams]
        if len(nobody) < most:
            return True
        unwanted = [service for service in nobody if not self._waiting[service]]
        if unwanted:
            self._forget(min(unwanted, key=self._wanted.__getitem__))
        return bool(unwanted)

    def recall(self, last_known: Mapping[str, Sequence[Instance]]) -> None:
        """Follow services of a former life, with the instances that they had: each must first prove itself."""
        for service, instances in last_known.items():
            if NAME.fullmatch(service) and service != REGISTRY:
                pool = self.follow(service)
                pool.remember(self._screen.callable(service, instances))
                self._on_snapshot(pool)
                self._recalled.append(pool)

    def follow_routed(self) -> None:
        """Follow every service that has a route, also those that come later."""
        self._following.start(CATALOG, self._follow_routed)

    async def _follow(self, service: str) -> None:
        pool = self.pools[service]

        async def fetch(index: int) -> Answer[tuple[Instance, ...]]:
            return await self._registry.instances(service, index=index, wait=self._wait)

        async for news in watch(fetch, clock=self._clock, sleep=self._sleep, random=self._random):
            self._hear(service, news)
            if isinstance(news, RegistryError):
                pool.hear_nothing()
                continue
            pool.apply(Snapshot(self._screen.callable(service, news.value), news.continuous))
            self._known[service].set()
            self._on_snapshot(pool)
            if self._is_unwanted(service):
                self._forget(service)
                return

    async def _follow_routed(self) -> None:
        async def fetch(index: int) -> Answer[Mapping[str, Sequence[str]]]:
            return await self._registry.services(index=index, wait=self._wait)

        async for news in watch(fetch, clock=self._clock, sleep=self._sleep, random=self._random):
            self._hear(CATALOG, news)
            if isinstance(news, RegistryError):
                continue
            routed = {service for service, tags in news.value.items() if _is_routed(service, tags)}
            for service in routed:
                self.follow(service)
            self._learning.heard(news.value, self.pools if routed else (), self._clock())

    def _is_unwanted(self, service: str) -> bool:
        """While the list of services cannot be had nobody knows who is missing from it."""
        is_empty = not self.pools[service].upstreams and not self._waiting[service]
        is_old = self._clock() - self._wanted[service] > UNWANTED
        return is_empty and is_old and self._heard.get(CATALOG, True)

    def _forget(self, service: str) -> None:
        """Its pool stays where a list of services may name it again: its routes are kept, and it is told to be down."""
        self._following.stop(service)
        for kept in (self._known, self._waiting, self._wanted, self._heard):
            kept.pop(service, None)
        if CATALOG not in self._following:
            del self.pools[service]

    def _hear(self, watch: str, news: Snapshot[Any] | RegistryError) -> None:
        before = self.hears_registry
        self._heard[watch] = not isinstance(news, RegistryError)
        if before != self.hears_registry:
            detail = {"error": str(news)} if before else {}
            self._journal.record("registry_lost" if before else "registry_back", **detail)


def _is_routed(service: str, tags: Sequence[str]) -> bool:
    return any(map(is_route, tags)) and NAME.fullmatch(service) is not None and service != REGISTRY
