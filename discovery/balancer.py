"""Choose an instance: two at random, the less loaded of them.

Two random choices are nearly as good as asking everybody, and cost the same for ten instances and ten thousand
(Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001). Pure: clock and randomness come in.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Collection, Sequence
from itertools import accumulate

from discovery.upstream import Standing, Upstream

DRAWS = 8
"""Before everybody is looked at, this many are drawn in the hope of two good ones."""

PREFERENCES = tuple(
    (standing, fresh)
    for group in ((Standing.ADMITTED, Standing.DOUBTED), (Standing.EJECTED, Standing.REFUSING))
    for fresh in (True, False)
    for standing in group
)
"""Standing, and whether only those not tried yet are meant. The second group is panic, only when nothing is admitted:
first those whose last connection was not refused.
"""


class Roster:
    """The upstreams of one service with their weights, laid out for drawing."""

    __slots__ = ("_bounds", "_total", "is_even", "upstreams")

    def __init__(self, upstreams: Sequence[Upstream]) -> None:
        self.upstreams = tuple(upstreams)
        self._bounds = list(accumulate(each.instance.weight for each in self.upstreams))
        self._total = self._bounds[-1] if self._bounds else 0
        self.is_even = len({each.instance.weight for each in self.upstreams}) <= 1
        """Whether all weigh the same. If not, who is drawn twice has won: else the light ones would get too much."""

    def draw(self, chance: float) -> Upstream | None:
        """One upstream, as likely as its weight; `chance` lies in [0, 1)."""
        if self.is_even and self._total:
            return self.upstreams[int(chance * len(self.upstreams))]
        return self.upstreams[bisect(self._bounds, chance * self._total)] if self._total else None


def choose(roster: Roster, tried: Collection[Upstream], now: float, chance: Callable[[], float]) -> Upstream | None:
    """The upstream for the next attempt; None when nobody can take it.

    One that was not tried yet is preferred, a doubted one to one that was tried, and an ejected one is the last resort.
    """
    if len(roster.upstreams) == 1:
        only = roster.upstreams[0]
        return None if only.standing(now) is Standing.BARRED else only
    first: Upstream | None = None
    for _ in range(DRAWS):
        drawn = roster.draw(chance())
        if drawn is None or drawn in tried or drawn.standing(now) is not Standing.ADMITTED:
            continue
        if drawn is first and roster.is_even:
            continue
        if first is not None:
            return _less_loaded(first, drawn, now)
        first = drawn
    return _after_a_look_at_all(roster, tried, now, chance)


def _after_a_look_at_all(
    roster: Roster, tried: Collection[Upstream], now: float, chance: Callable[[], float]
) -> Upstream | None:
    """Groups from the best to the worst; none is gathered before the ones above it have turned out empty."""
    standings = [(each.standing(now), each) for each in roster.upstreams]
    for wanted, fresh in PREFERENCES:
        group = [each for standing, each in standings if standing is wanted and not (fresh and each in tried)]
        if group:
            return _of_two(group, now, chance)
    return None


def _of_two(group: Sequence[Upstream], now: float, chance: Callable[[], float]) -> Upstream:
    weighed = Roster(group)
    first, second = (weighed.draw(chance()) or group[int(chance() * len(group))] for _ in range(2))
    return _less_loaded(first, second, now)


def _less_loaded(one: Upstream, other: Upstream, now: float) -> Upstream:
    return one if one.load(now) <= other.load(now) else other
