"""State and index, on a clock that stands still."""

from __future__ import annotations

from discovery.devagent import topics
from discovery.devagent.entries import Verdict
from tests.devagent.values import CRITICAL, PASSING, Bench, check


def test_every_change_takes_the_next_index_and_nothing_else_does() -> None:
    bench = Bench()
    begin = bench.catalog.index.latest
    bench.register("shop-1", check("c"))
    bench.register("shop-1", check("c"))
    bench.catalog.report("c", Verdict("critical", ""))
    assert bench.catalog.index.latest == begin + 1
    bench.catalog.report("c", PASSING)
    assert bench.catalog.index.latest == begin + 2
    bench.catalog.deregister("shop-1")
    bench.catalog.deregister("shop-1")
    assert bench.catalog.index.latest == begin + 3


def test_each_service_has_an_index_of_its_own() -> None:
    bench = Bench()
    bench.register("shop-1", name="shop")
    shop = bench.catalog.index.of("shop")
    bench.register("bank-1", name="bank")
    assert bench.catalog.index.of("shop") == shop
    assert bench.catalog.index.of("bank") > shop
    assert bench.catalog.index.of("consul") < shop


def test_a_service_that_is_gone_has_the_index_of_the_last_extinction() -> None:
    bench = Bench()
    bench.register("shop-1", name="shop")
    bench.register("bank-1", name="bank")
    assert bench.catalog.index.of("nobody") == bench.catalog.index.latest
    bench.catalog.deregister("shop-1")
    extinction = bench.catalog.index.latest
    bench.register("bank-2", name="bank")
    assert bench.catalog.index.of("shop") == bench.catalog.index.of("nobody") == extinction


def test_the_index_of_a_service_never_goes_back() -> None:
    bench = Bench()
    seen = [bench.catalog.index.of("shop")]
    for _ in range(3):
        bench.register("shop-1", check("c"), name="shop")
        seen.append(bench.catalog.index.of("shop"))
        bench.catalog.report("c", PASSING)
        seen.append(bench.catalog.index.of("shop"))
        bench.register("shop-1", check("c"), name="renamed")
        seen.append(bench.catalog.index.of("shop"))
        bench.catalog.deregister("shop-1")
        seen.append(bench.catalog.index.of("shop"))
    assert seen == sorted(seen)


def test_an_instance_that_changes_its_name_leaves_the_old_service() -> None:
    bench = Bench()
    bench.register("shop-1", check("c"), name="shop")
    bench.take_rung()
    bench.register("shop-1", check("c"), name="bank")
    assert bench.catalog.instances("shop") == []
    assert [entry.service.id for entry in bench.catalog.instances("bank")] == ["shop-1"]
    assert {topics.service("shop"), topics.service("bank"), topics.EXTINCTION} <= bench.take_rung()


def test_only_those_are_woken_whom_it_concerns() -> None:
    bench = Bench()
    bench.register("shop-1", check("c"), name="shop")
    assert bench.take_rung() == {
        topics.service("shop"),
        topics.instance("shop-1"),
        topics.SERVICES,
        topics.ANYTHING,
    }
    bench.catalog.report("c", PASSING)
    assert bench.take_rung() == {topics.service("shop"), topics.ANYTHING}
    bench.catalog.report("c", PASSING)
    assert bench.take_rung() == set()


def test_who_waits_for_a_service_that_is_not_there_waits_for_extinctions_too() -> None:
    bench = Bench()
    assert topics.EXTINCTION in bench.catalog.topics("shop")
    bench.register("shop-1", name="shop")
    assert bench.catalog.topics("shop") == {topics.service("shop")}


def test_a_critical_check_stays_critical_when_it_is_registered_again() -> None:
    bench = Bench()
    bench.register("shop-1", check("c", "passing"))
    bench.catalog.report("c", CRITICAL)
    assert bench.register("shop-1", check("c", "passing")) == []
    assert bench.status("shop-1") == ["critical"]


def test_a_check_with_a_new_id_begins_as_it_is_told_and_replaces_the_old() -> None:
    bench = Bench()
    bench.register("shop-1", check("old"))
    assert bench.register("shop-1", check("new", "passing")) == ["old"]
    assert bench.status("shop-1") == ["passing"]


def test_without_replacement_the_old_check_stays() -> None:
    bench = Bench()
    bench.register("shop-1", check("old"))
    assert bench.register("shop-1", check("new", "passing"), replace=False) == []
    assert bench.status("shop-1") == ["critical", "passing"]


def test_a_check_id_belongs_to_who_used_it_last() -> None:
    bench = Bench()
    bench.register("shop-1", check("c"), name="shop")
    bench.take_rung()
    bench.register("bank-1", check("c"), name="bank")
    assert bench.catalog.checks_of("shop-1") == []
    assert bench.status("bank-1") == ["critical"]
    assert topics.service("shop") in bench.take_rung()
    assert bench.catalog.deregister("shop-1") == []
    assert bench.status("bank-1") == ["critical"]


def test_a_report_that_comes_too_late_changes_nothing() -> None:
    bench = Bench()
    bench.register("shop-1", check("c"))
    assert bench.catalog.deregister("shop-1") == ["c"]
    bench.take_rung()
    bench.catalog.report("c", PASSING)
    assert bench.take_rung() == set()


def test_a_new_output_is_published_after_a_while() -> None:
    bench = Bench()
    bench.register("shop-1", check("c"))
    bench.catalog.report("c", PASSING)
    index = bench.catalog.index.latest
    bench.catalog.report("c", Verdict("passing", "one"))
    bench.now += 200
    bench.catalog.report("c", Verdict("passing", "two"))
    assert bench.take_rung() >= {topics.ANYTHING}
    bench.catalog.publish_due_outputs()
    (entry,) = bench.catalog.checks_of("shop-1")
    assert (entry.published, entry.verdict.output) == ("fine", "two")
    assert bench.catalog.index.latest == index
    bench.now += 101
    bench.catalog.publish_due_outputs()
    (entry,) = bench.catalog.checks_of("shop-1")
    assert entry.published == "two"
    assert bench.catalog.index.latest == index + 1


def test_an_output_that_is_as_before_again_is_not_published() -> None:
    bench = Bench()
    bench.register("shop-1", check("c"))
    bench.catalog.report("c", PASSING)
    index = bench.catalog.index.latest
    bench.catalog.report("c", Verdict("passing", "one"))
    bench.catalog.report("c", PASSING)
    bench.now += 1000
    bench.catalog.publish_due_outputs()
    assert bench.catalog.index.latest == index


def test_outputs_are_published_together_with_a_new_status() -> None:
    bench = Bench()
    bench.register("shop-1", check("c"))
    bench.catalog.report("c", Verdict("critical", "one"))
    bench.catalog.report("c", Verdict("passing", "two"))
    (entry,) = bench.catalog.checks_of("shop-1")
    assert (entry.published, entry.publish_at) == ("two", None)


def test_who_is_critical_for_too_long_is_overdue() -> None:
    bench = Bench()
    bench.register("shop-1", check("c", deregister_after=60))
    bench.now += 1000
    assert bench.catalog.overdue() == set()  # critical since registration only: the check has never run
    bench.catalog.report("c", CRITICAL)
    bench.now += 60
    assert bench.catalog.overdue() == set()
    bench.now += 1
    assert bench.catalog.overdue() == {"shop-1"}
    bench.catalog.report("c", PASSING)
    bench.catalog.report("c", CRITICAL)
    bench.now += 60
    assert bench.catalog.overdue() == set()


def test_registering_again_begins_the_time_anew() -> None:
    bench = Bench()
    bench.register("shop-1", check("c", deregister_after=60))
    bench.catalog.report("c", CRITICAL)
    bench.now += 50
    bench.register("shop-1", check("c", deregister_after=60))
    bench.catalog.report("c", CRITICAL)
    bench.now += 50
    assert bench.catalog.overdue() == set()


def test_who_does_not_ask_for_it_is_never_overdue() -> None:
    bench = Bench()
    bench.register("shop-1", check("c"))
    bench.catalog.report("c", CRITICAL)
    bench.now += 10**9
    assert bench.catalog.overdue() == set()


def test_the_age_of_a_status_is_that_of_its_last_change() -> None:
    bench = Bench()
    bench.register("shop-1", check("c"))
    bench.now += 5
    bench.catalog.report("c", PASSING)
    bench.now += 5
    bench.catalog.report("c", Verdict("passing", "again"))
    (entry,) = bench.catalog.checks_of("shop-1")
    assert bench.catalog.age(entry) == 5


def test_a_hash_tells_descriptions_apart() -> None:
    bench = Bench()
    hashes = set()
    for name in ("shop", "bank", "shop"):
        bench.register("x", name=name)
        entry = bench.catalog.find("x")
        assert entry is not None
        hashes.add(entry.service.content_hash)
    assert len(hashes) == 2
