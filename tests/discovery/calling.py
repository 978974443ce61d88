"""What tests of calls share: a pool in simulated time, and what must hold whatever was called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from discovery.ejection import Cause
from discovery.instance import Instance
from discovery.journal import Journal
from discovery.pool import Pool
from discovery.upstream import Upstream
from discovery.watch import Snapshot
from tests.fakes.instances import instances
from tests.fakes.sender import ScriptedSender
from tests.fakes.simulation import clock


class InOrder(Random):
    """Draws the first of what is drawn from, so that calls go to `web-1` while it is as good as the others."""

    def random(self) -> float:
        return 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A pool of a few instances and the sender through which they are called."""

    pool: Pool
    sender: ScriptedSender

    def __getitem__(self, instance_id: str) -> Upstream:
        (found,) = (each for each in self.pool.upstreams if each.instance.id == instance_id)
        return found

    def cause(self, instance_id: str) -> Cause | None:
        return self[instance_id].ejection.cause

    def assert_nothing_is_left(self) -> None:
        """Nobody is busy, no reply was kept or thrown away twice, and no trial waits for its end."""
        assert [each.in_flight for each in self.pool.upstreams] == [0] * len(self.pool.upstreams)
        assert all(reply.discards <= 1 for reply in self.sender.replies)
        assert not any(each.ejection.trial for each in self.pool.upstreams)


def scene(listed: int | Sequence[Instance] = 3) -> Scene:
    pool = Pool("web", journal=Journal(), clock=clock, random=InOrder(7))
    pool.apply(Snapshot(tuple(instances(listed) if isinstance(listed, int) else listed), False))
    return Scene(pool, ScriptedSender())
