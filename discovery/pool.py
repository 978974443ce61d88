"""The instances of one service as a caller knows them: whole snapshots come in, evidence decides who stays.

An instance leaves when it is gone from an answer that can be believed, when a successor has its ID, or when the
registry has lost it and it does not answer either. A registry that is silent, empty or newly started empties nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from random import Random

from discovery.balancer import Roster, choose
from discovery.ejection import Cause
from discovery.errors import AttemptFailed, ConnectFailed, NeverSent, ResponseLate, WrongInstance
from discovery.instance import Identity, Instance
from discovery.journal import Journal
from discovery.probe import Verdict
from discovery.routing import Routes, agreed
from discovery.upstream import Upstream
from discovery.watch import Snapshot

SILENCES = 10
"""Probes in a row without an answer after which one that the registry has lost is given up."""


class Pool:
    """Holds the upstreams of one service. `on_doubt` is told of each that should be probed."""

    def __init__(
        self,
        service: str,
        *,
        journal: Journal,
        clock: Callable[[], float],
        random: Random,
        on_doubt: Callable[[Pool, Upstream], None] = lambda _pool, _upstream: None,
    ) -> None:
        self.service = service
        self.stale_since: float | None = None
        self._journal = journal
        self._clock = clock
        self._random = random
        self._on_doubt = on_doubt
        self._upstreams: dict[Identity, Upstream] = {}
        self._roster = Roster(())
        self.routes = Routes()

    @property
    def upstreams(self) -> Sequence[Upstream]:
        return self._roster.upstreams

    def choose(self, tried: Collection[Upstream] = ()) -> Upstream | None:
        """The upstream for the next attempt; None when nobody can take it."""
        return choose(self._roster, tried, self._clock(), self._random.random)

    def holds(self, upstream: Upstream) -> bool:
        return self._upstreams.get(upstream.instance.identity) is upstream

    # What the registry says

    def apply(self, snapshot: Snapshot[tuple[Instance, ...]]) -> None:
        listed = {each.identity: each for each in snapshot.value}
        newest: dict[tuple[str, str], str] = {}
        for each in snapshot.value:
            place = each.id, each.address
            newest[place] = max(each.boot_id, newest.get(place, ""))
        is_believable = snapshot.continuous and (bool(listed) or not any(each.is_listed for each in self.upstreams))
        for identity, upstream in list(self._upstreams.items()):
            if identity in listed:
                self._update(upstream, listed.pop(identity))
            elif newest.get((identity.id, identity.address), "") > identity.boot_id:
                self._drop(upstream, "a newer process has its ID")
            elif is_believable and upstream.is_listed:
                self._drop(upstream, "deregistered")
            elif upstream.is_listed:
                self._lose(upstream)
        for instance in listed.values():
            self._add(instance)
        self.stale_since = None
        self._roster = Roster(tuple(self._upstreams.values()))
        self._learn_routes()

    def remember(self, instances: Sequence[Instance]) -> None:
        """Take instances of a former life, of which it must be proven first that they are still there."""
        for instance in instances:
            if instance.identity not in self._upstreams:
                upstream = self._upstreams[instance.identity] = Upstream(instance, self._random)
                upstream.is_listed = False
                upstream.ejection.refused(Cause.UNPROVEN)
                self._on_doubt(self, upstream)
        self._roster = Roster(tuple(self._upstreams.values()))
        self._learn_routes()

    def hear_nothing(self) -> None:
        """The registry gives no answer: what was known before still holds."""
        if self.stale_since is None:
            self.stale_since = self._clock()

    # What calls and probes find

    def succeeded(self, upstream: Upstream, seconds: float | None, trial: int = 0) -> None:
        """A good answer after so many seconds; None where it took them for others, as for a body that came slowly."""
        now = self._clock()
        if seconds is not None:
            upstream.latency.observe(seconds, now)
        if upstream.is_failing or upstream.last_good is None:
            upstream.is_failing = False
            self._tell("instance_answered", upstream, seconds=seconds and round(seconds, 6))
        upstream.last_good = now
        if upstream.ejection.succeeded(now, trial):
            self._tell("instance_readmitted", upstream, by="a good answer")

    def failed(self, upstream: Upstream, failure: AttemptFailed | None = None, trial: int = 0) -> None:
        """A bad answer, or none: `failure` says what it was."""
        ejection = upstream.ejection
        before = ejection.cause
        if not upstream.is_failing and (isinstance(failure, ConnectFailed) or not isinstance(failure, NeverSent)):
            self._begin_failing(upstream, failure)
        if isinstance(failure, ConnectFailed | WrongInstance):
            cause = Cause.STRANGER if isinstance(failure, WrongInstance) else Cause.REFUSED
            ejected = ejection.refused(cause)
        elif isinstance(failure, NeverSent):
            ejection.abandoned(trial)
            return  # nothing that the instance could be blamed for
        else:
            cause = Cause.SILENT if isinstance(failure, ResponseLate) else Cause.FAILING
            ejected = ejection.failed(self._clock(), cause, trial)
        if ejected:
            self._tell("instance_ejected", upstream, cause=cause.value)
        if ejection.cause is not before:
            self._on_doubt(self, upstream)

    def _begin_failing(self, upstream: Upstream, failure: AttemptFailed | None) -> None:
        """The first attempt that fails after a good answer, and how long ago that was."""
        upstream.is_failing = True
        since = None if upstream.last_good is None else round(self._clock() - upstream.last_good, 6)
        self._tell("instance_failed", upstream, why=str(failure or "a bad answer"), last_good_seconds_ago=since)

    def rest(self, upstream: Upstream, seconds: float, trial: int = 0) -> None:
        if upstream.ejection.rest(self._clock(), seconds, trial):
            self._tell("instance_ejected", upstream, cause=Cause.RESTING.value, seconds=seconds)

    def probed(self, upstream: Upstream, verdict: Verdict) -> None:
        """One that the registry has lost and that is gone or somebody else leaves for good."""
        if verdict is Verdict.ANSWERS:
            if upstream.ejection.answered_probe(self._clock()):
                self._tell("instance_readmitted", upstream, by="a probe")
            upstream.silences = 0
            return
        upstream.silences += 1
        if not upstream.is_listed and (verdict is not Verdict.SILENT or upstream.silences >= SILENCES):
            self._drop(upstream, f"lost by the registry, and {verdict.name.lower()}")
            self._roster = Roster(tuple(self._upstreams.values()))

    def _learn_routes(self) -> None:
        """A service whose instances are all gone keeps its routes: it is down, not unknown."""
        if self._upstreams:
            before, self.routes = self.routes, agreed(each.instance.tags for each in self.upstreams)
            for problem in set(self.routes.problems) - set(before.problems):
                self._journal.record("route_refused", service=self.service, why=problem)

    def _add(self, instance: Instance) -> None:
        self._upstreams[instance.identity] = upstream = Upstream(instance, self._random)
        self._tell("instance_listed", upstream, address=instance.authority, health=instance.health)

    def _update(self, upstream: Upstream, instance: Instance) -> None:
        before, upstream.instance = upstream.instance, instance
        if not upstream.is_listed:
            upstream.is_listed = True
            self._tell("instance_listed", upstream, address=instance.authority, health=instance.health)
        elif before.health != instance.health:
            self._tell("instance_health_changed", upstream, before=before.health, health=instance.health)

    def _lose(self, upstream: Upstream) -> None:
        upstream.is_listed = False
        self._tell("instance_unlisted", upstream)
        self._on_doubt(self, upstream)

    def _drop(self, upstream: Upstream, why: str) -> None:
        del self._upstreams[upstream.instance.identity]
        self._tell("instance_dropped", upstream, why=why)

    def _tell(self, kind: str, upstream: Upstream, **detail: object) -> None:
        self._journal.record(kind, service=self.service, instance=upstream.instance.id, **detail)
