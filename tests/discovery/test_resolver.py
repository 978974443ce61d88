"""Names become live instances, whatever the registry goes through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

import pytest

from discovery.addresses import Forbidden
from discovery.documents import Answer
from discovery.errors import RegistryError, RegistryGarbled, RegistryRefused, RegistryUnreachable
from discovery.instance import Instance
from discovery.journal import Journal
from discovery.learning import SETTLING
from discovery.pool import Pool
from discovery.probe import Verdict
from discovery.resolver import UNWANTED, Resolver
from tests.fakes.instances import NEWER_BOOT, instance, instances
from tests.fakes.probe import ScriptedProbe
from tests.fakes.registry import FakeRegistry
from tests.fakes.simulation import clock, simulated


@dataclass(frozen=True, slots=True)
class Scene:
    """A resolver between a registry and a probe."""

    resolver: Resolver
    registry: FakeRegistry
    probe: ScriptedProbe
    journal: Journal
    snapshots: list[str]

    def ids(self, service: str = "web") -> list[str]:
        return sorted(each.instance.id for each in self.resolver.pools[service].upstreams)

    def listed(self, service: str = "web") -> list[str]:
        return sorted(each.instance.id for each in self.resolver.pools[service].upstreams if each.is_listed)

    def events(self, *kinds: str) -> list[str]:
        """Oldest first."""
        return [each.kind for each in reversed(self.journal.newest(1000)) if each.kind in kinds]


@asynccontextmanager
async def resolving(
    *listed: Instance, registry: FakeRegistry | None = None, forbidden: Forbidden | None = None
) -> AsyncIterator[Scene]:
    """At the end no task is left."""
    registry, probe, journal = registry or FakeRegistry(), ScriptedProbe(), Journal()
    snapshots: list[str] = []
    if listed:
        registry.put(*listed)
    before = asyncio.all_tasks()
    async with Resolver(
        registry,
        probe,
        journal=journal,
        clock=clock,
        random=Random(7),
        forbidden=forbidden or Forbidden(),
        on_snapshot=lambda pool: snapshots.append(pool.service),
    ) as resolver:
        yield Scene(resolver, registry, probe, journal, snapshots)
    assert asyncio.all_tasks() == before


# Names


@simulated
async def test_a_name_becomes_its_instances() -> None:
    async with resolving(*instances(3)) as at:
        pool = await at.resolver.known("web")
        assert at.ids() == ["web-1", "web-2", "web-3"]
        assert pool.choose() is not None


@simulated
async def test_a_service_that_nobody_runs_is_known_to_have_none() -> None:
    async with resolving() as at:
        assert (await at.resolver.known("web")).choose() is None


@simulated
async def test_nothing_is_known_before_the_registry_has_said_anything() -> None:
    async with resolving(*instances(1)) as at:
        at.registry.go_down(RegistryUnreachable("x"))
        waiting = asyncio.create_task(at.resolver.known("web"))
        await asyncio.sleep(60)
        assert not waiting.done()
        at.registry.come_back()
        assert (await waiting).choose() is not None


@simulated
async def test_a_name_is_followed_once_however_often_it_is_asked_for() -> None:
    async with resolving(*instances(1)) as at:
        pools = await asyncio.gather(*(at.resolver.known("web") for _ in range(50)))
        assert len(set(map(id, pools))) == 1
        assert at.registry.asked["web"] <= 2


@pytest.mark.parametrize("name", ["consul", "", "..", "a/b", "a b", "-x", "x" * 200, "a?b", "web\n"])
@simulated
async def test_what_is_no_name_of_a_service_is_never_asked_for(name: str) -> None:
    async with resolving() as at:
        with pytest.raises(ValueError, match="no service"):
            at.resolver.follow(name)
        assert at.registry.asked.total() == 0


# Changes


@simulated
async def test_one_that_registers_is_used_within_milliseconds() -> None:
    async with resolving(*instances(1)) as at:
        await at.resolver.known("web")
        at.registry.put(*instances(2))
        await asyncio.sleep(0.01)
        assert at.ids() == ["web-1", "web-2"]


@simulated
async def test_one_that_deregisters_is_gone_within_milliseconds_wherever_it_stands_in_the_list() -> None:
    for leaving in ("web-1", "web-2", "web-3"):
        async with resolving(*instances(3)) as at:
            await at.resolver.known("web")
            at.registry.remove(leaving)
            await asyncio.sleep(0.01)
            assert leaving not in at.ids()
            assert len(at.ids()) == 2
            assert at.probe.asked == []


@simulated
async def test_the_last_one_that_deregisters_is_kept_until_it_does_not_answer() -> None:
    async with resolving(*instances(1)) as at:
        await at.resolver.known("web")
        at.probe.find("web-1", Verdict.ANSWERS, Verdict.REFUSED)
        at.registry.remove("web-1")
        await asyncio.sleep(0.3)
        assert at.ids() == ["web-1"]
        await asyncio.sleep(1)
        assert at.ids() == []


@simulated
async def test_ten_restarts_in_a_row_are_followed() -> None:
    async with resolving(*instances(3)) as at:
        await at.resolver.known("web")
        for restart in range(10):
            at.registry.remove("web-1")
            await asyncio.sleep(0.2)
            port = 9001 if restart % 2 else 9100 + restart
            at.registry.put(instance(port=port, boot=f"{NEWER_BOOT}{restart}"))
            await asyncio.sleep(1)
            (found,) = (each for each in at.resolver.pools["web"].upstreams if each.instance.id == "web-1")
            assert (found.instance.port, found.instance.boot_id) == (port, f"{NEWER_BOOT}{restart}")
            assert at.ids() == ["web-1", "web-2", "web-3"]


@simulated
async def test_every_snapshot_is_told_of() -> None:
    async with resolving(*instances(1)) as at:
        await at.resolver.known("web")
        at.registry.put(*instances(2))
        await asyncio.sleep(0.1)
        assert at.snapshots == ["web", "web"]


@simulated
async def test_ten_thousand_instances_are_taken() -> None:
    async with resolving() as at:
        many = [instance(f"web-{n}", address=f"10.{n // 65536}.{n // 256 % 256}.{n % 256}") for n in range(10_000)]
        at.registry.put(*many)
        pool = await at.resolver.known("web")
        assert len(pool.upstreams) == 10_000
        assert pool.choose() is not None


# Trouble


@pytest.mark.parametrize("trouble", [RegistryUnreachable("down"), RegistryRefused("403"), RegistryGarbled("null")])
@simulated
async def test_while_the_registry_is_away_everybody_stays(trouble: RegistryError) -> None:
    async with resolving(*instances(3)) as at:
        pool = await at.resolver.known("web")
        at.registry.go_down(trouble)
        await asyncio.sleep(600)
        assert at.listed() == ["web-1", "web-2", "web-3"]
        assert (pool.stale_since is None, at.resolver.hears_registry) == (False, False)
        assert at.registry.asked["web"] < 600 * 3, "and it is not stormed"
        at.registry.come_back()
        await asyncio.sleep(10)
        assert (pool.stale_since is None, at.resolver.hears_registry) == (True, True)
        assert at.events("registry_lost", "registry_back") == ["registry_lost", "registry_back"]


@simulated
async def test_a_registry_that_comes_back_empty_empties_nothing_that_answers() -> None:
    async with resolving(*instances(3)) as at:
        await at.resolver.known("web")
        for each in at.ids():
            at.probe.find(each, Verdict.ANSWERS)
        at.probe.find("web-3", Verdict.REFUSED)
        at.registry.go_down(RegistryUnreachable("down"))
        await asyncio.sleep(5)
        at.registry.come_back(empty=True)
        await asyncio.sleep(5)
        assert at.ids() == ["web-1", "web-2"], "the one that is really gone leaves on evidence"
        at.registry.put(instances(1)[0])
        await asyncio.sleep(5)
        assert at.ids() == ["web-1", "web-2"]
        at.registry.put(*instances(2))
        await asyncio.sleep(0.1)
        assert at.listed() == ["web-1", "web-2"]


@simulated
async def test_an_empty_list_with_status_200_empties_nothing_that_answers() -> None:
    async with resolving(*instances(3)) as at:
        pool = await at.resolver.known("web")
        for each in at.ids():
            at.probe.find(each, Verdict.ANSWERS)
        at.registry.is_blind = True
        at.registry.tell()
        await asyncio.sleep(600)
        assert at.ids() == ["web-1", "web-2", "web-3"]
        assert pool.choose() is not None
        at.registry.is_blind = False
        at.registry.tell()
        await asyncio.sleep(0.1)
        assert at.listed() == ["web-1", "web-2", "web-3"]


@simulated
async def test_an_index_that_goes_back_is_followed() -> None:
    async with resolving(*instances(2)) as at:
        await at.resolver.known("web")
        at.registry.index = 70
        at.registry.put(*instances(2))
        await asyncio.sleep(0.1)
        at.registry.index = 3
        at.registry.put(*instances(3))
        await asyncio.sleep(61)
        assert at.ids() == ["web-1", "web-2", "web-3"]


@simulated
async def test_trouble_with_one_service_is_not_trouble_with_the_registry() -> None:
    """A token that may not read one service of many."""
    async with resolving(*instances(1), instance("api-1", service="api")) as at:
        await at.resolver.known("api")
        at.registry.refusals["web"] = RegistryRefused("403")
        at.resolver.follow("web")
        await asyncio.sleep(300)
        assert at.resolver.hears_registry
        assert at.events("registry_lost", "registry_back") == []
        assert at.resolver.pools["web"].stale_since is not None
        assert at.resolver.pools["api"].stale_since is None


@simulated
async def test_a_bug_does_not_end_a_watch_for_good(caplog: pytest.LogCaptureFixture) -> None:
    class Buggy(FakeRegistry):
        async def instances(self, service: str, *, index: int = 0, wait: float = 60.0) -> Answer[tuple[Instance, ...]]:
            answer = await super().instances(service, index=index, wait=wait)
            if self.asked[service] == 2:
                raise ZeroDivisionError("a bug")
            return answer

    async with resolving(*instances(1), registry=Buggy()) as at:
        await at.resolver.known("web")
        at.registry.put(*instances(2))
        await asyncio.sleep(5)
        assert at.ids() == ["web-1", "web-2"]
    assert any(each.exc_info and each.exc_info[0] is ZeroDivisionError for each in caplog.records)


# What may be called


@pytest.mark.parametrize(
    "bad",
    [
        instance("bad", address=""),
        instance("bad", port=0),
        instance("bad", address="0.0.0.0"),
        instance("bad", address="169.254.169.254"),
        instance("bad", address="224.0.0.1"),
        instance("bad", port=8500),
        instance("bad", address="a b"),
        instance("bad\r\nx: y"),
        instance("bad\x1b[2J"),
        instance(""),
    ],
)
@simulated
async def test_what_must_not_be_called_is_not_and_said_once(bad: Instance) -> None:
    async with resolving(bad, *instances(1)) as at:
        await at.resolver.known("web")
        at.registry.tell()
        await asyncio.sleep(1)
        assert at.ids() == ["web-1"]
        assert at.events("instance_refused") == ["instance_refused"]


@simulated
async def test_what_left_the_list_is_forgotten_and_said_again_when_it_is_back() -> None:
    """Others may list new ones for ever."""
    async with resolving(*instances(1)) as at:
        await at.resolver.known("web")
        for _ in range(2):
            at.registry.put(instance("bad", port=8500))
            await asyncio.sleep(0.3)
            at.registry.remove("bad")
            await asyncio.sleep(0.3)
        assert at.events("instance_refused") == ["instance_refused"] * 2


@simulated
async def test_loopback_is_called_only_when_the_registry_is_there() -> None:
    for forbidden, count in ((Forbidden(loopback=True), 0), (Forbidden(), 1)):
        async with resolving(instance(address="127.0.0.1"), forbidden=forbidden) as at:
            assert len((await at.resolver.known("web")).upstreams) == count


@simulated
async def test_ipv6_and_weights_are_taken() -> None:
    async with resolving(instance(address="2001:db8::1", weight=3)) as at:
        (found,) = (await at.resolver.known("web")).upstreams
        assert (found.instance.authority, found.instance.weight) == ("[2001:db8::1]:9000", 3)


# Routes


@simulated
async def test_services_with_a_route_are_followed_also_those_that_come_later() -> None:
    async with resolving(instance(tags=("urlprefix-/web",)), instance("db-1", service="db")) as at:
        at.resolver.follow_routed()
        await asyncio.sleep(0.1)
        assert set(at.resolver.pools) == {"web"}
        at.registry.put(instance("api-1", service="api", tags=("v1", "urlprefix-/api")))
        await asyncio.sleep(0.1)
        assert set(at.resolver.pools) == {"web", "api"}


@simulated
async def test_names_that_cannot_be_asked_for_and_consul_itself_are_left_out() -> None:
    route = ("urlprefix-/x",)
    bad = ["..", "a/b", "consul", "a b"]
    async with resolving(*(instance(f"x-{n}", service=name, tags=route) for n, name in enumerate(bad))) as at:
        at.resolver.follow_routed()
        await asyncio.sleep(1)
        assert at.resolver.pools == {}


@simulated
async def test_a_service_whose_instances_are_all_gone_keeps_its_routes_and_its_watch() -> None:
    async with resolving(instance(tags=("urlprefix-/web",))) as at:
        at.resolver.follow_routed()
        await asyncio.sleep(0.1)
        at.probe.find("web-1", Verdict.REFUSED)
        at.registry.remove("web-1")
        await asyncio.sleep(5)
        pool: Pool = at.resolver.pools["web"]
        assert pool.choose() is None
        assert pool.routes.match("/web")
        at.registry.put(instance(boot=NEWER_BOOT, tags=("urlprefix-/web",)))
        await asyncio.sleep(0.1)
        assert pool.choose() is not None


# What nobody wants any more


@simulated
async def test_a_name_that_nobody_has_and_nobody_asks_for_is_forgotten() -> None:
    async with resolving(*instances(1)) as at:
        await at.resolver.known("web")
        await at.resolver.known("nobody")
        await asyncio.sleep(UNWANTED + 120)
        assert set(at.resolver.pools) == {"web"}
        before = at.registry.asked["nobody"]
        await asyncio.sleep(3600)
        assert at.registry.asked["nobody"] == before
        at.registry.put(instance("late-1", service="nobody"))
        assert (await at.resolver.known("nobody")).choose() is not None, "asked for again, it is followed again"


@simulated
async def test_a_name_that_is_asked_for_now_and_then_is_followed_on() -> None:
    async with resolving() as at:
        pool = await at.resolver.known("web")
        for _ in range(30):
            await asyncio.sleep(UNWANTED - 100)
            assert await at.resolver.known("web") is pool


@simulated
async def test_while_somebody_waits_for_a_name_it_is_not_forgotten() -> None:
    async with resolving() as at:
        at.registry.go_down(RegistryUnreachable("x"))
        waiting = asyncio.create_task(at.resolver.known("web"))
        await asyncio.sleep(10 * UNWANTED)
        assert not at.resolver.make_room(1), "the only one without anybody is waited for"
        at.registry.put(*instances(1))
        at.registry.come_back()
        assert (await waiting).choose() is not None


@simulated
async def test_room_is_made_by_who_was_unwanted_for_longest() -> None:
    async with resolving(*instances(1)) as at:
        for name in ("web", "a", "b", "c"):
            await at.resolver.known(name)
            await asyncio.sleep(1)
        await at.resolver.known("a")
        assert at.resolver.make_room(4)
        assert set(at.resolver.pools) == {"web", "a", "b", "c"}
        assert at.resolver.make_room(3)
        assert set(at.resolver.pools) == {"web", "a", "c"}


@simulated
async def test_a_routed_service_that_left_is_asked_for_no_more_and_found_again_when_it_is_back() -> None:
    async with resolving(instance(tags=("urlprefix-/web",)), instance("api-1", service="api")) as at:
        at.resolver.follow_routed()
        await asyncio.sleep(0.1)
        pool = at.resolver.pools["web"]
        at.probe.find("web-1", Verdict.REFUSED)
        at.registry.remove("web-1")
        await asyncio.sleep(UNWANTED + 130)
        before = at.registry.asked["web"]
        await asyncio.sleep(3600)
        assert at.registry.asked["web"] == before
        assert at.resolver.pools["web"] is pool, "it is down, not unknown, and others hold its pool"
        assert pool.routes.match("/web")
        at.registry.put(instance(boot=NEWER_BOOT, tags=("urlprefix-/web",)))
        await asyncio.sleep(0.5)
        assert at.resolver.pools["web"] is pool
        assert pool.choose() is not None


@simulated
async def test_while_the_list_of_services_cannot_be_had_nobody_is_forgotten() -> None:
    async with resolving(instance(tags=("urlprefix-/web",))) as at:
        at.resolver.follow_routed()
        await asyncio.sleep(0.1)
        at.registry.refusals["services"] = RegistryRefused("403")
        at.probe.find("web-1", Verdict.REFUSED)
        at.registry.remove("web-1")
        await asyncio.sleep(10 * UNWANTED)
        at.registry.put(instance(boot=NEWER_BOOT, tags=("urlprefix-/web",)))
        await asyncio.sleep(0.5)
        assert at.resolver.pools["web"].choose() is not None


# Ready


@simulated
async def test_it_has_learnt_once_the_instances_of_all_routes_are_known() -> None:
    async with resolving(instance(tags=("urlprefix-/web",)), instance("db-1", service="db")) as at:
        assert not at.resolver.has_learnt
        at.resolver.follow_routed()
        await asyncio.sleep(0.1)
        assert at.resolver.has_learnt


@simulated
async def test_a_token_that_may_read_nothing_teaches_nothing() -> None:
    """Consul answers it with 200 and an empty list."""
    async with resolving(instance(tags=("urlprefix-/web",))) as at:
        at.registry.is_blind = True
        at.resolver.follow_routed()
        await asyncio.sleep(3600)
        assert (at.resolver.hears_registry, at.resolver.has_learnt) == (True, False)
        at.registry.is_blind = False
        at.registry.tell()
        await asyncio.sleep(0.1)
        assert at.resolver.has_learnt


@simulated
async def test_with_a_blind_registry_somebody_of_a_former_life_is_enough() -> None:
    async with resolving() as at:
        at.registry.is_blind = True
        at.probe.find("web-1", Verdict.ANSWERS)
        at.resolver.recall({"web": instances(1)})
        at.resolver.follow_routed()
        await asyncio.sleep(1)
        assert at.resolver.has_learnt


@simulated
async def test_a_registry_without_services_is_believed_once_it_has_said_so_for_a_while() -> None:
    async with resolving() as at:
        at.resolver.follow_routed()
        await asyncio.sleep(SETTLING - 0.1)
        assert not at.resolver.has_learnt
        await asyncio.sleep(0.2)
        assert at.resolver.has_learnt


# A former life


@simulated
async def test_what_was_known_before_is_used_once_it_is_proven_though_the_registry_is_away() -> None:
    async with resolving() as at:
        at.registry.go_down(RegistryUnreachable("down"))
        at.probe.find("web-1", Verdict.ANSWERS)
        at.probe.find("web-2", Verdict.REFUSED)
        at.probe.find("web-3", Verdict.STRANGER)
        at.resolver.recall({"web": [*instances(3), instance("web-4", address="169.254.169.254")]})
        pool = at.resolver.pools["web"]
        assert pool.choose() is None, "nobody has proven anything yet"
        assert "web-4" not in at.ids(), "what must not be called is not asked either"
        await asyncio.sleep(1)
        assert at.ids() == ["web-1"]
        assert pool.choose() is not None
        at.registry.put(*instances(2))
        at.registry.come_back()
        await asyncio.sleep(2)
        assert at.listed() == ["web-1", "web-2"]


@simulated
async def test_names_that_cannot_be_asked_for_are_not_recalled() -> None:
    async with resolving() as at:
        at.resolver.recall({"consul": instances(1), "a/b": instances(1), "": instances(1)})
        assert at.resolver.pools == {}
