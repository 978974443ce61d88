"""From what load, registry and gateway tell of a drill to its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic, time

from mesh.admin import Happened
from mesh.drill.drill import Drill
from mesh.drill.outcome import Leftovers, Outcome
from mesh.drill.scene import Return, Scene
from mesh.drill.sightings import Sighting, fate
from mesh.drill.timeline import Moments, time_line
from mesh.errors import NotReady
from mesh.moments import CLOCK_STEP, puts_out
from mesh.report import Answer, Report, summarize

NOBODY = Return("", None, None)


@dataclass(frozen=True, slots=True)
class Told:
    """What was collected while the drill was held. `reached`: requests that the instances took."""

    whole: Report
    answers: Sequence[Answer]
    calm_from: float
    reached: float
    said: Sequence[Sighting]
    events: Sequence[Happened]
    leftovers: Leftovers


def outcome_of(drill: Drill, scene: Scene, told: Told) -> Outcome:
    """Raises NotReady for a drill in which nothing was hurt."""
    if scene.hurt_at is None:
        raise NotReady(f"{drill.name} has hurt nothing")
    hurt_at = scene.hurt_at
    back = back_of(drill, scene)
    moments = Moments(
        hurt_at=hurt_at,
        out_at=out_of_rotation(told.events, scene.victim, hurt_at, clocks=time() - monotonic()),
        fate=fate(told.said, scene.victim, hurt_at),
        registry_answered_at=scene.registry_answered_at,
        all_registered_at=scene.all_registered_at,
        opened_at=back.opened_at,
        answered_at=back.answered_at,
    )
    return Outcome(
        drill=drill.name,
        victim=scene.victim,
        whole=told.whole,
        calm=summarize(
            [one for one in told.answers if told.calm_from <= one.scheduled_at and one.finished_at < hurt_at]
        ),
        hurt=summarize([one for one in told.answers if one.finished_at >= hurt_at]),
        excused=sum(is_excused(one, drill.excused, hurt_at, back.answered_at) for one in told.answers),
        timeline=time_line(scene.victim, told.answers, moments),
        rediscovered_ms=slowest([back] if drill.excused else scene.returns),
        registered_ms=_ms(scene.registry_answered_at, scene.all_registered_at),
        load=None if drill.limits.load is None else round(told.reached / max(1, told.whole.requests), 3),
        leftovers=told.leftovers,
        wrongs=(*scene.complaints, *lost(scene.returns)),
    )


def back_of(drill: Drill, scene: Scene) -> Return:
    """The return that counts: the victim's, or where nobody was there, the first open port and the first answer."""
    if drill.excused:
        return first_of(scene.returns)
    return next((one for one in scene.returns if one.instance == scene.victim), NOBODY)


def first_of(returns: Sequence[Return]) -> Return:
    answered = [one.answered_at for one in returns if one.answered_at is not None]
    opened = [one.opened_at for one in returns if one.opened_at is not None]
    return Return("", min(opened, default=None), min(answered, default=None))


def slowest(returns: Sequence[Return]) -> float | None:
    """Milliseconds from an open port to the first answer."""
    rediscovered = (_ms(one.opened_at, one.answered_at) for one in returns)
    return max((ms for ms in rediscovered if ms is not None), default=None)


def out_of_rotation(events: Sequence[Happened], victim: str, hurt_at: float, *, clocks: float) -> float | None:
    """When (monotonic) the gateway put it out, by its own account. `clocks`: Unix time less the monotonic clock's."""
    out = [event.at.timestamp() - clocks for event in events if event.instance == victim and puts_out(event)]
    since = hurt_at - CLOCK_STEP.total_seconds()
    first = min((at for at in out if at >= since), default=None)
    return None if first is None else max(hurt_at, first)


def is_excused(answer: Answer, excused: frozenset[str], hurt_at: float, back_at: float | None) -> bool:
    """Whether a request had to fail: on its way when all was hurt, or due before anybody was back."""
    due_too_early = back_at is None or answer.scheduled_at < back_at
    return answer.error in excused and answer.finished_at >= hurt_at and due_too_early


def lost(returns: Sequence[Return]) -> list[str]:
    return [
        f"{one.instance} came back, and no client had an answer from it" for one in returns if one.answered_at is None
    ]


def _ms(since: float | None, until: float | None) -> float | None:
    return None if since is None or until is None else round(max(0.0, until - since) * 1000, 1)
