"""Who has which prefix: claims, conflicts, holders that are away, and the options that count."""

from __future__ import annotations

import time
from random import Random

from discovery.instance import Instance
from discovery.journal import Journal
from discovery.pool import Pool
from discovery.probe import Verdict
from discovery.tags import Route
from discovery.watch import Snapshot
from services.gateway.routes import RouteTable


class Town:
    """A table, and services that come and go."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.table = RouteTable(self.journal)
        self._pools: dict[str, Pool] = {}

    def says(self, service: str, *tags_of_instances: tuple[str, ...]) -> None:
        """A service has these instances now, each with these tags."""
        pool = self._pools.setdefault(
            service, Pool(service, journal=self.journal, clock=time.monotonic, random=Random(1))
        )
        instances = tuple(
            Instance(f"{service}-{number}", service, "10.0.0.1", 9000 + number, tags)
            for number, tags in enumerate(tags_of_instances)
        )
        pool.apply(Snapshot(instances, continuous=True))
        self.table.update(pool)

    def goes(self, service: str) -> None:
        """The registry has lost its instances, and they do not answer either."""
        pool = self._pools[service]
        pool.apply(Snapshot((), continuous=False))
        for upstream in pool.upstreams:
            pool.probed(upstream, Verdict.REFUSED)
        self.table.update(pool)

    def at(self, path: str) -> str | None:
        claim = self.table.match(path)
        return claim.service if claim else None

    def told(self, kind: str) -> list[tuple[str, object]]:
        return [(each.service, each.detail.get("prefix")) for each in self.journal.newest() if each.kind == kind]


def test_the_longest_prefix_wins_in_whole_segments() -> None:
    town = Town()
    town.says("shop", ("urlprefix-/shop",))
    town.says("cart", ("urlprefix-/shop/cart",))
    assert town.at("/shop") == town.at("/shop/") == town.at("/shop/carts") == "shop"
    assert town.at("/shop/cart") == town.at("/shop/cart/1") == "cart"
    assert town.at("/shopping") is None
    assert town.at("/") is None


def test_a_root_takes_what_nobody_else_has() -> None:
    town = Town()
    town.says("web", ("urlprefix-/",))
    town.says("shop", ("urlprefix-/shop",))
    assert town.at("/") == town.at("/x/y") == "web"
    assert town.at("/shop/1") == "shop"


def test_paths_are_compared_byte_for_byte() -> None:
    town = Town()
    town.says("shop", ("urlprefix-/shop",))
    assert town.at("/Shop") is None
    assert town.at("/%73hop") is None
    assert town.at("//shop") is None


def test_nothing_without_a_tag_is_reachable() -> None:
    town = Town()
    town.says("shop", ("v2", "primary", "urlprefix-shop.example/"))
    assert town.at("/shop") is None


def test_who_has_a_prefix_keeps_it_and_an_event_says_so() -> None:
    town = Town()
    town.says("shop", ("urlprefix-/shop",))
    town.says("thief", ("urlprefix-/shop", "urlprefix-/mine"))
    assert town.at("/shop") == "shop"
    assert town.at("/mine") == "thief"
    assert town.told("route_refused") == [("thief", "/shop")]


def test_a_refused_claim_is_told_once() -> None:
    town = Town()
    town.says("shop", ("urlprefix-/shop",))
    for _ in range(3):
        town.says("thief", ("urlprefix-/shop",))
    assert town.told("route_refused") == [("thief", "/shop")]


def test_a_service_that_is_down_keeps_its_route_until_another_claims_it() -> None:
    town = Town()
    town.says("shop", ("urlprefix-/shop",))
    town.goes("shop")
    assert town.at("/shop") == "shop"
    town.says("heir", ("urlprefix-/shop",))
    assert town.at("/shop") == "heir"
    town.says("shop", ("urlprefix-/shop",))
    assert town.at("/shop") == "heir"


def test_a_second_claimant_takes_over_when_the_holder_goes() -> None:
    town = Town()
    town.says("shop", ("urlprefix-/shop",))
    town.says("second", ("urlprefix-/shop",))
    town.goes("shop")
    assert town.at("/shop") == "second"


def test_a_holder_that_gives_up_its_tag_loses_the_prefix() -> None:
    town = Town()
    town.says("shop", ("urlprefix-/shop", "urlprefix-/old"))
    town.says("second", ("urlprefix-/old",))
    town.says("shop", ("urlprefix-/shop",))
    assert town.at("/old") == "second"
    town.says("second", ("urlprefix-/new",))
    assert town.at("/old") is None
    assert town.at("/new") == "second"


def test_comings_and_goings_are_told() -> None:
    town = Town()
    town.says("shop", ("urlprefix-/a",))
    town.says("shop", ("urlprefix-/b",))
    assert town.told("route_added") == [("shop", "/b"), ("shop", "/a")]
    assert town.told("route_removed") == [("shop", "/a")]


def test_options_count_while_all_instances_agree() -> None:
    town = Town()
    town.says("shop", ("urlprefix-/shop replay=safe timeout=30s",), ("urlprefix-/shop replay=safe timeout=30s",))
    assert town.table.of("shop") == [Route("/shop", replay_safe=True, timeout=30.0)]
    town.says("shop", ("urlprefix-/shop replay=safe timeout=30s",), ("urlprefix-/shop",))
    assert town.table.of("shop") == [Route("/shop")]
    assert [each.detail["why"] for each in town.journal.newest() if each.kind == "route_refused"] == [
        "/shop: instances disagree about its options, so none count"
    ]
    town.says("shop", ("urlprefix-/shop replay=safe",), ("urlprefix-/shop replay=safe",))
    assert town.table.of("shop") == [Route("/shop", replay_safe=True)]


def test_an_instance_without_the_tag_does_not_disagree() -> None:
    town = Town()
    town.says("shop", ("urlprefix-/shop replay=safe",), ())
    assert town.table.of("shop") == [Route("/shop", replay_safe=True)]


def test_of_names_only_what_a_service_holds() -> None:
    town = Town()
    town.says("shop", ("urlprefix-/shop",))
    town.says("thief", ("urlprefix-/shop", "urlprefix-/mine"))
    assert town.table.of("thief") == [Route("/mine")]
    assert town.table.of("nobody") == []
