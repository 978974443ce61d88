"""Evidence over registry: who stays in a pool, who leaves it, and who is asked."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.ejection import IN_A_ROW, Cause
from discovery.errors import (
    AttemptFailed,
    ConnectFailed,
    ConnectRefused,
    NeverSent,
    ResponseLate,
    ResponseLost,
    ResponseMalformed,
    WrongInstance,
)
from discovery.instance import Instance
from discovery.journal import Journal
from discovery.pool import Pool
from discovery.probe import Verdict
from discovery.upstream import Standing, Upstream
from discovery.watch import Snapshot
from tests.fakes.clock import Clock
from tests.fakes.instances import BOOT, NEWER_BOOT, instance, instances


class Watched(Pool):
    """A pool with what it tells others at hand."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.journal = Journal()
        self.doubted: list[str] = []
        super().__init__(
            "web",
            journal=self.journal,
            clock=self.clock,
            random=Random(7),
            on_doubt=lambda _, upstream: self.doubted.append(upstream.instance.id),
        )

    def hear(self, *listed: Instance, continuous: bool = True) -> None:
        self.apply(Snapshot(listed, continuous))

    @property
    def ids(self) -> list[str]:
        return sorted(each.instance.id for each in self.upstreams)

    @property
    def listed(self) -> list[str]:
        return sorted(each.instance.id for each in self.upstreams if each.is_listed)

    def __getitem__(self, instance_id: str) -> Upstream:
        (found,) = (each for each in self.upstreams if each.instance.id == instance_id)
        return found

    def events(self, instance_id: str) -> list[str]:
        """Oldest first."""
        return [each.kind for each in reversed(self.journal.newest()) if each.instance == instance_id]


def pool(*listed: Instance) -> Watched:
    found = Watched()
    found.hear(*listed, continuous=False)
    return found


# What the registry says


def test_a_first_answer_is_taken_whole() -> None:
    found = pool(*instances(3))
    assert found.ids == found.listed == ["web-1", "web-2", "web-3"]
    assert found.events("web-1") == ["instance_listed"]


def test_one_that_is_gone_from_a_healthy_answer_leaves() -> None:
    found = pool(*instances(3))
    found.hear(*instances(2))
    assert found.ids == ["web-1", "web-2"]
    assert found.events("web-3") == ["instance_listed", "instance_dropped"]


def test_an_empty_answer_empties_nothing() -> None:
    found = pool(*instances(2))
    found.hear()
    assert found.ids == ["web-1", "web-2"]
    assert found.listed == []
    assert found.doubted == ["web-1", "web-2"]
    assert found.choose() is not None


def test_an_answer_after_a_break_removes_nobody() -> None:
    found = pool(*instances(3))
    found.hear(*instances(1), continuous=False)
    assert found.ids == ["web-1", "web-2", "web-3"]
    assert found.listed == ["web-1"]
    assert found.doubted == ["web-2", "web-3"]


def test_what_the_registry_lost_is_used_only_when_nothing_better_is_left() -> None:
    found = pool(*instances(2))
    found.hear(*instances(1), continuous=False)
    assert found["web-2"].standing(found.clock()) is Standing.DOUBTED
    chosen = found.choose([found["web-1"]])
    assert chosen is not None
    assert chosen.instance.id == "web-2"


def test_one_that_comes_back_to_the_list_keeps_its_state() -> None:
    found = pool(*instances(1))
    upstream = found["web-1"]
    found.hear()
    found.hear(*instances(1))
    assert found["web-1"] is upstream
    assert upstream.is_listed


def test_a_restart_on_the_same_port_begins_with_a_clean_record() -> None:
    found = pool(instance())
    before = found["web-1"]
    before.ejection.refused()
    found.hear(instance(boot=NEWER_BOOT), continuous=False)
    assert found["web-1"] is not before
    assert found["web-1"].standing(found.clock()) is Standing.ADMITTED
    assert not found.holds(before)


def test_a_restart_on_another_port_replaces_the_entry_even_after_a_break() -> None:
    found = pool(instance())
    found.hear(instance(port=9999, boot=NEWER_BOOT), continuous=False)
    assert [each.instance.port for each in found.upstreams] == [9999]


def test_the_same_id_on_two_machines_is_two_instances() -> None:
    here, there = instance(address="10.0.0.1"), instance(address="10.0.0.2")
    found = pool(here, there)
    assert len(found.upstreams) == 2
    found.hear(here)
    assert [each.instance.address for each in found.upstreams] == ["10.0.0.1"]


def test_one_machine_back_in_the_registry_first_does_not_take_the_others_instance_away() -> None:
    """After an empty restart the agents register again one after another."""
    here, there = instance(address="10.0.0.1"), instance(address="10.0.0.2", boot=BOOT.replace("1", "2"))
    found = pool(here, there)
    for returned in (here, there):
        found = pool(here, there)
        found.hear(returned, continuous=False)
        assert len(found.upstreams) == 2


def test_an_old_entry_that_comes_back_does_not_replace_a_newer_process() -> None:
    """A registry restored from a backup tells of the past."""
    found = pool(instance(boot=NEWER_BOOT))
    found.hear(instance(port=9999, boot=BOOT), continuous=False)
    assert {each.instance.port for each in found.upstreams} == {9000, 9999}
    found.probed(next(each for each in found.upstreams if each.instance.port == 9999), Verdict.REFUSED)


def test_the_same_entry_twice_is_one_instance() -> None:
    assert pool(instance(), instance()).ids == ["web-1"]


def test_what_an_entry_says_may_change() -> None:
    found = pool(instance())
    upstream = found["web-1"]
    found.hear(instance(health="critical", weight=0, tags=("urlprefix-/a",)))
    assert found["web-1"] is upstream
    assert upstream.standing(found.clock()) is Standing.DOUBTED
    assert found.routes.match("/a")
    assert found.events("web-1")[-1] == "instance_health_changed"


def test_a_critical_one_that_answers_is_used_when_nothing_better_is_left() -> None:
    found = pool(instance(health="critical"), instance("web-2", port=9002))
    assert {found.choose() for _ in range(100)} == {found["web-2"]}
    found["web-2"].ejection.refused()
    assert found.choose() is found["web-1"]


def test_a_change_of_weight_counts_at_once() -> None:
    found = pool(*instances(2))
    first, second = instances(2)
    found.hear(replace(first, weight=0), second)
    assert {found.choose() for _ in range(100)} == {found["web-2"]}


def test_silence_is_noted_and_forgets_nothing() -> None:
    found = pool(instance())
    found.hear_nothing()
    since = found.stale_since
    found.clock.now += 10
    found.hear_nothing()
    assert found.stale_since == since == found.clock() - 10
    assert found.ids == ["web-1"]
    found.hear(instance(), continuous=False)
    assert found.stale_since is None


def test_a_service_that_is_down_keeps_its_routes() -> None:
    found = pool(instance(tags=("urlprefix-/a replay=safe",)))
    found.hear()
    found.probed(found["web-1"], Verdict.REFUSED)
    assert found.ids == []
    assert found.routes.match("/a")


def test_a_bad_tag_is_told_of_once() -> None:
    found = pool(instance(tags=("urlprefix-example.com/",)))
    found.hear(instance(tags=("urlprefix-example.com/",)))
    assert [each.kind for each in found.journal.newest()].count("route_refused") == 1


# What a former life remembers


def test_what_is_remembered_gets_no_request_before_it_is_proven() -> None:
    found = Watched()
    found.remember(instances(2))
    assert found.choose() is None
    assert found.doubted == ["web-1", "web-2"]
    found.probed(found["web-1"], Verdict.ANSWERS)
    assert found.choose() is found["web-1"]


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.STRANGER])
def test_what_is_remembered_and_gone_leaves(verdict: Verdict) -> None:
    found = Watched()
    found.remember(instances(1))
    found.probed(found["web-1"], verdict)
    assert found.ids == []


def test_what_is_remembered_and_listed_still_has_to_be_proven() -> None:
    found = Watched()
    found.remember(instances(1))
    found.hear(*instances(1), continuous=False)
    assert found.choose() is None


def test_what_is_known_is_not_remembered_over() -> None:
    found = pool(*instances(1))
    found.remember(instances(2))
    assert found.choose() is found["web-1"]


# What calls and probes find


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (ConnectRefused("x"), Cause.REFUSED),
        (ConnectFailed("x"), Cause.REFUSED),
        (WrongInstance("x"), Cause.STRANGER),
    ],
)
def test_one_failure_is_enough_when_it_proves_that_nobody_is_there(failure: AttemptFailed, cause: Cause) -> None:
    found = pool(*instances(2))
    found.failed(found["web-1"], failure)
    assert found["web-1"].ejection.cause is cause
    assert found.doubted == ["web-1"]
    assert found.events("web-1")[-1] == "instance_ejected"


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (None, Cause.FAILING),
        (ResponseLost("x"), Cause.FAILING),
        (ResponseMalformed("x"), Cause.FAILING),
        (ResponseLate("x"), Cause.SILENT),
    ],
)
def test_other_failures_have_to_come_in_a_row(failure: AttemptFailed | None, cause: Cause) -> None:
    found = pool(*instances(2))
    for _ in range(IN_A_ROW - 1):
        found.failed(found["web-1"], failure)
    assert found["web-1"].ejection.is_admitting
    found.failed(found["web-1"], failure)
    assert found["web-1"].ejection.cause is cause


def test_what_never_left_us_is_nobodys_fault() -> None:
    found = pool(*instances(1))
    for _ in range(100):
        found.failed(found["web-1"], NeverSent("no free connection"))
    assert found["web-1"].ejection.is_admitting


@pytest.mark.parametrize(("later", "cause"), [(ConnectRefused("x"), Cause.REFUSED), (ResponseLate("x"), Cause.SILENT)])
def test_whatever_put_it_out_first_one_that_is_found_gone_is_probed(later: AttemptFailed, cause: Cause) -> None:
    found = pool(*instances(1))
    upstream = found["web-1"]
    for _ in range(IN_A_ROW):
        found.failed(upstream)
    found.doubted.clear()
    found.clock.now += 10
    found.failed(upstream, later, upstream.begin(found.clock()))
    assert upstream.ejection.cause is cause
    assert found.doubted == ["web-1"]


def test_a_good_answer_on_trial_brings_it_back() -> None:
    found = pool(*instances(1))
    upstream = found["web-1"]
    for _ in range(IN_A_ROW):
        found.failed(upstream)
    found.clock.now += 10
    found.succeeded(upstream, 0.01, upstream.begin(found.clock()))
    assert found.events("web-1")[-1] == "instance_readmitted"
    assert upstream.ejection.is_admitting


def test_one_that_asks_for_a_rest_gets_it() -> None:
    found = pool(*instances(2))
    found.rest(found["web-1"], 5.0)
    assert {found.choose() for _ in range(50)} == {found["web-2"]}
    found.clock.now += 5
    assert found["web-1"].standing(found.clock()) is Standing.ADMITTED


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.STRANGER])
def test_what_the_registry_lost_and_a_probe_finds_gone_leaves(verdict: Verdict) -> None:
    found = pool(*instances(2))
    found.hear()
    found.probed(found["web-1"], verdict)
    assert found.ids == ["web-2"]
    assert found.choose() is found["web-2"]


def test_what_the_registry_lost_and_is_silent_stays() -> None:
    found = pool(*instances(1))
    found.hear()
    found.probed(found["web-1"], Verdict.SILENT)
    assert found.ids == ["web-1"]


def test_what_is_listed_stays_whatever_a_probe_finds() -> None:
    found = pool(*instances(1))
    found.failed(found["web-1"], ConnectRefused("x"))
    found.probed(found["web-1"], Verdict.REFUSED)
    assert found.ids == ["web-1"]
    found.probed(found["web-1"], Verdict.ANSWERS)
    assert found["web-1"].ejection.is_admitting
    assert found.events("web-1")[-1] == "instance_readmitted"


# Whatever comes

ENTRIES = st.lists(
    st.builds(
        instance,
        st.sampled_from(["web-1", "web-2", "web-3"]),
        address=st.sampled_from(["10.0.0.1", "10.0.0.2"]),
        port=st.sampled_from([9000, 9001]),
        boot=st.sampled_from(["", BOOT, NEWER_BOOT]),
        health=st.sampled_from(["passing", "critical"]),
    ),
    max_size=5,
)


@settings(deadline=None)
@given(st.lists(st.tuples(ENTRIES, st.booleans()), max_size=8))
def test_after_every_answer_the_list_is_known_and_nobody_left_without_evidence(
    heard: list[tuple[list[Instance], bool]],
) -> None:
    found = Watched()
    for listed, continuous in heard:
        before = {each.instance.identity: each for each in found.upstreams}
        were_listed = {name for name, each in before.items() if each.is_listed}
        found.hear(*listed, continuous=continuous)
        now = {each.instance.identity: each for each in found.upstreams}
        assert {each.identity for each in listed} == {name for name, each in now.items() if each.is_listed}
        for identity in before.keys() & now.keys():
            assert now[identity] is before[identity], "live state survives a snapshot"
        for identity in before.keys() - now.keys():
            succeeded = any(
                (each.id, each.address) == identity[:2] and each.boot_id > identity.boot_id for each in listed
            )
            assert succeeded or (continuous and listed), f"{identity} left without evidence"
        unlisted = now.keys() - {each.identity for each in listed}
        assert {identity.id for identity in unlisted} <= set(found.doubted), "what is lost is probed"
        assert not (continuous and listed and unlisted & were_listed), "a healthy answer is believed"


def test_one_that_the_registry_has_lost_and_that_stays_silent_is_given_up() -> None:
    pool = Watched()
    pool.hear(*instances(2))
    pool.hear(continuous=False)
    lost = pool.upstreams[0]
    for _ in range(9):
        pool.probed(lost, Verdict.SILENT)
    assert pool.holds(lost)
    pool.probed(lost, Verdict.ANSWERS)
    for _ in range(10):
        assert pool.holds(lost)
        pool.probed(lost, Verdict.SILENT)
    assert not pool.holds(lost)
