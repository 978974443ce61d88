"""Whether an instance is admitted: every way out, every way back, and no way to be stuck in between."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from discovery.ejection import AT_LEAST, BARRED, IN_A_ROW, LONGEST, WINDOW, Cause, Ejection

NOW = 1000.0
LATER = NOW + 100.0


def ejection() -> Ejection:
    return Ejection(Random(7))


def ejected(cause: Cause = Cause.FAILING) -> Ejection:
    found = ejection()
    for _ in range(IN_A_ROW):
        found.failed(NOW, cause)
    assert found.cause is cause
    return found


# The way out


def test_failures_in_a_row_put_it_out() -> None:
    found = ejection()
    assert [found.failed(NOW) for _ in range(IN_A_ROW)] == [False] * (IN_A_ROW - 1) + [True]
    assert not found.admits(NOW)


def test_one_good_answer_in_between_keeps_it_in() -> None:
    found = ejection()
    for _ in range(100):
        found.succeeded(NOW)
    for _ in range(3):
        for _ in range(IN_A_ROW - 1):
            found.failed(NOW)
        for _ in range(4 * IN_A_ROW):
            found.succeeded(NOW)
    assert found.is_admitting


def test_one_in_ten_failing_is_tolerated() -> None:
    found = ejection()
    for request in range(1000):
        moment = NOW + request / 50
        _ = found.failed(moment) if request % 10 == 0 else found.succeeded(moment)
    assert found.is_admitting


def test_less_than_four_in_five_put_it_out() -> None:
    found = ejection()
    for request in range(20):
        _ = found.succeeded(NOW + request) if request % 3 else found.failed(NOW + request)
    assert found.cause is Cause.FAILING


def test_a_ratio_of_few_requests_means_nothing() -> None:
    found = ejection()
    for request in range(AT_LEAST - 1):
        _ = found.succeeded(NOW) if request % 2 else found.failed(NOW)
    assert found.is_admitting


def test_failures_of_long_ago_are_forgotten() -> None:
    found = ejection()
    for request in range(AT_LEAST - 1):
        _ = found.succeeded(NOW) if request % 2 else found.failed(NOW)
    found.succeeded(NOW)
    assert not found.failed(NOW + 2 * WINDOW)


def test_a_refused_connection_puts_it_out_at_once() -> None:
    found = ejection()
    assert found.refused()
    assert not found.refused(), "it began only once"
    assert not found.admits(float("1e12"))


def test_it_rests_for_as_long_as_it_asks_within_bounds() -> None:
    found = ejection()
    assert found.rest(NOW, 7.0)
    assert not found.admits(NOW + 6.9)
    assert found.admits(NOW + 7.0)
    other = ejection()
    other.rest(NOW, float("inf"))
    assert other.admits(NOW + LONGEST)


# The way back


def test_after_its_time_exactly_one_request_may_decide() -> None:
    found = ejected()
    assert not found.begin(NOW), "its time is not up: this one decides nothing"
    assert found.admits(LATER)
    assert found.begin(LATER)
    assert not found.admits(LATER), "one is under way"
    assert not found.begin(LATER)


def test_the_trial_that_succeeds_brings_it_back() -> None:
    found = ejected()
    assert found.succeeded(LATER, trial=found.begin(LATER))
    assert found.is_admitting


def test_the_trial_that_fails_puts_it_out_for_longer_up_to_a_bound() -> None:
    found, now, before = ejected(), NOW, 0.0
    for _ in range(12):
        now = found.until
        assert not found.failed(now, trial=found.begin(now)), "it did not begin, it went on"
        assert 0.5 <= found.until - now <= LONGEST
        before = max(before, found.until - now)
    assert before > LONGEST / 2


def test_it_comes_back_with_a_clean_record_but_not_with_short_sentences() -> None:
    found = ejected()
    found.succeeded(LATER, trial=found.begin(LATER))
    assert not any(found.failed(LATER) for _ in range(IN_A_ROW - 1))
    found.failed(LATER)
    assert found.until - LATER >= 1.0, "the second time is longer"


def test_after_enough_good_answers_all_is_forgiven() -> None:
    found = ejected()
    found.succeeded(LATER, trial=found.begin(LATER))
    for _ in range(AT_LEAST):
        found.succeeded(LATER)
    assert found.level == 0


def test_a_late_answer_decides_nothing() -> None:
    found = ejected()
    trial = found.begin(LATER)
    assert not found.succeeded(LATER), "a request from before the ejection"
    assert not found.failed(LATER)
    found.abandoned()
    assert not found.admits(LATER), "the trial is still under way"
    assert found.succeeded(LATER, trial=trial)


def test_a_trial_that_was_given_up_lets_another_decide() -> None:
    found = ejected()
    found.abandoned(trial=found.begin(LATER))
    assert found.admits(LATER)


def test_a_trial_that_asks_for_another_rest_gets_it() -> None:
    found = ejection()
    found.rest(NOW, 1.0)
    assert not found.rest(NOW + 1, 5.0, trial=found.begin(NOW + 1))
    assert not found.admits(NOW + 5.9)
    assert found.admits(NOW + 6.0)


def test_a_failing_instance_that_asks_for_a_rest_gets_it() -> None:
    found = ejected()
    found.rest(LATER, 5.0, trial=found.begin(LATER))
    assert found.cause is Cause.RESTING
    assert found.admits(LATER + 5.0)


def test_the_longest_rest_that_it_asked_for_counts() -> None:
    found = ejection()
    found.rest(NOW, 5.0)
    found.rest(NOW, 1.0)
    assert not found.admits(NOW + 4.9)
    found.rest(NOW, 6.0)
    assert not found.admits(NOW + 5.9)


def test_a_rest_does_not_hide_a_refusal() -> None:
    found = ejection()
    found.refused()
    assert not found.rest(NOW, 1.0)
    assert found.cause is Cause.REFUSED


@pytest.mark.parametrize("cause", [Cause.REFUSED, Cause.STRANGER, Cause.UNPROVEN])
def test_only_a_probe_heals_one_that_is_not_there(cause: Cause) -> None:
    found = ejection()
    found.refused(cause)
    assert not found.succeeded(LATER), "an answer on an old connection does not prove that anybody listens"
    assert found.answered_probe(LATER)
    assert found.is_admitting


def test_one_that_failed_requests_gets_a_request_to_decide() -> None:
    found = ejected(Cause.FAILING)
    until = found.until
    assert not found.answered_probe(NOW)
    assert found.until == until, "its health endpoint says nothing about its requests"


def test_one_that_was_silent_and_answers_a_probe_gets_its_trial_at_once() -> None:
    found = ejected(Cause.SILENT)
    assert not found.answered_probe(NOW)
    assert found.admits(NOW)


@pytest.mark.parametrize("barred", sorted(BARRED, key=str))
def test_a_refused_connection_does_not_unbar_a_stranger(barred: Cause) -> None:
    found = ejection()
    found.refused(barred)
    found.refused(Cause.REFUSED)
    assert found.cause is barred


def test_a_stranger_is_one_whatever_it_was_before() -> None:
    found = ejection()
    found.refused(Cause.REFUSED)
    found.refused(Cause.STRANGER)
    assert found.cause is Cause.STRANGER


class AnyOrder(RuleBasedStateMachine):
    """Requests begin and end in any order, time passes, probes answer."""

    def __init__(self) -> None:
        super().__init__()
        self.ejection = Ejection(Random(1))
        self.now = NOW
        self.under_way: list[int] = []

    @rule(seconds=st.floats(0, 40))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_request_begins(self) -> None:
        self.under_way.append(self.ejection.begin(self.now))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def one_ends(self, data: st.DataObject) -> None:
        trial = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        end = data.draw(st.sampled_from(["good", "bad", "silent", "refused", "stranger", "rest", "abandoned"]))
        was_admitting = self.ejection.is_admitting
        began = False
        match end:
            case "good":
                self.ejection.succeeded(self.now, trial=trial)
            case "bad":
                began = self.ejection.failed(self.now, trial=trial)
            case "silent":
                began = self.ejection.failed(self.now, Cause.SILENT, trial=trial)
            case "refused":
                began = self.ejection.refused()
            case "stranger":
                began = self.ejection.refused(Cause.STRANGER)
            case "rest":
                began = self.ejection.rest(self.now, data.draw(st.floats(0, 1e9)), trial=trial)
            case _:
                self.ejection.abandoned(trial=trial)
        assert began == (was_admitting and not self.ejection.is_admitting), "each ejection is told of once"

    @rule()
    def a_probe_answers(self) -> None:
        healed = self.ejection.answered_probe(self.now)
        assert self.ejection.is_admitting or not healed

    @invariant()
    def a_trial_is_always_somebodys(self) -> None:
        assert not self.ejection.trial or self.ejection.trial in self.under_way

    @invariant()
    def nobody_is_out_for_longer_than_the_longest_unless_probed(self) -> None:
        if self.ejection.cause not in (None, *BARRED, Cause.REFUSED):
            assert self.ejection.until <= self.now + LONGEST

    @invariant()
    def nobody_is_stuck(self) -> None:
        """Once nothing is under way, time or a probe brings it back."""
        if not self.under_way and not self.ejection.is_admitting:
            probed = self.ejection.cause in (*BARRED, Cause.REFUSED)
            assert probed or self.ejection.admits(self.now + LONGEST)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
