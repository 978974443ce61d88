"""From what load, registry and gateway tell of a drill to its outcome."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import monotonic, time

from mesh.admin import Happened
from mesh.drill.drill import Drill
from mesh.drill.growth import Growth
from mesh.drill.outcome import Outcome
from mesh.drill.scene import Return, Scene
from mesh.drill.sightings import Sighting, fate
from mesh.drill.timeline import Moments, TimeLine, time_line
from mesh.errors import NotReady
from mesh.moments import CLOCK_STEP, puts_out
from mesh.report import Answer, Report, summarize

NOBODY = Return("", None, None)


@dataclass(frozen=True, slots=True)
class Told:
    """What was collected under one load. `scenes`: one for each time; `reached`: requests that the instances took."""

    whole: Report
    answers: Sequence[Answer]
    calm_from: float
    scenes: Sequence[Scene]
    reached: float


def outcome_of(
    drill: Drill, told: Told, said: Sequence[Sighting], events: Sequence[Happened], growth: Growth
) -> Outcome:
    """`said` by the registry, `events` of the gateway. Raises NotReady for a drill in which nothing was hurt."""
    first = when_hurt(drill, told.scenes[0])
    returns = [each for scene in told.scenes for each in scene.returns]
    counted = [back_of(drill, each) for each in told.scenes] if drill.excused else returns
    return Outcome(
        drill=drill.name,
        times=len(told.scenes),
        victim=told.scenes[-1].victim,
        whole=told.whole,
        calm=summarize([one for one in told.answers if told.calm_from <= one.scheduled_at and one.finished_at < first]),
        hurt=summarize([one for one in told.answers if one.finished_at >= first]),
        excused=count_excused(drill, told),
        timeline=line_of(drill, told, said, events),
        rediscovered_ms=longest((each.opened_at, each.answered_at) for each in counted),
        returned_ms=longest((each.healed_at, each.answered_at) for each in counted),
        registered_ms=longest((each.registry_answered_at, each.all_registered_at) for each in told.scenes),
        load=None if drill.limits.load is None else round(told.reached / max(1, told.whole.requests), 3),
        growth=growth,
        wrongs=found_wrong(told.scenes),
    )


def line_of(drill: Drill, told: Told, said: Sequence[Sighting], events: Sequence[Happened]) -> TimeLine:
    """Of the last time: a gateway remembers no more events than that takes."""
    scene = told.scenes[-1]
    began = when_hurt(drill, scene)
    back = back_of(drill, scene)
    moments = Moments(
        hurt_at=began,
        out_at=out_of_rotation(events, scene.victim, began, clocks=time() - monotonic()),
        fate=fate(said, scene.victim, began),
        registry_answered_at=scene.registry_answered_at,
        all_registered_at=scene.all_registered_at,
        opened_at=back.opened_at,
        answered_at=back.answered_at,
    )
    return time_line(scene.victim, told.answers, moments)


def when_hurt(drill: Drill, scene: Scene) -> float:
    if scene.hurt_at is None:
        raise NotReady(f"{drill.name} has hurt nothing")
    return scene.hurt_at


def back_of(drill: Drill, scene: Scene) -> Return:
    """The return that counts: the victim's, or where nobody was there, of each of its moments the first."""
    if drill.excused:
        return first_of(scene.returns)
    return next((one for one in scene.returns if one.instance == scene.victim), NOBODY)


def first_of(returns: Sequence[Return]) -> Return:
    def first(moments: Iterable[float | None]) -> float | None:
        return min((at for at in moments if at is not None), default=None)

    return Return(
        "",
        opened_at=first(one.opened_at for one in returns),
        answered_at=first(one.answered_at for one in returns),
        healed_at=first(one.healed_at for one in returns),
    )


def longest(spans: Iterable[tuple[float | None, float | None]]) -> float | None:
    """In milliseconds, of those that have both a beginning and an end."""
    took = [until - since for since, until in spans if since is not None and until is not None]
    return round(max(0.0, *took) * 1000, 1) if took else None


def out_of_rotation(events: Sequence[Happened], victim: str, hurt_at: float, *, clocks: float) -> float | None:
    """When (monotonic) the gateway put it out, by its own account. `clocks`: Unix time less the monotonic clock's."""
    out = [event.at.timestamp() - clocks for event in events if event.instance == victim and puts_out(event)]
    since = hurt_at - CLOCK_STEP.total_seconds()
    first = min((at for at in out if at >= since), default=None)
    return None if first is None else max(hurt_at, first)


def count_excused(drill: Drill, told: Told) -> int:
    """How many requests had to fail, at any of the times."""
    spans = [(when_hurt(drill, each), back_of(drill, each).answered_at) for each in told.scenes]
    return sum(any(is_excused(one, drill.excused, *span) for span in spans) for one in told.answers if one.error)


def is_excused(answer: Answer, excused: frozenset[str], hurt_at: float, back_at: float | None) -> bool:
    """Whether a request had to fail: on its way when all was hurt, or due before anybody was back."""
    due_too_early = back_at is None or answer.scheduled_at < back_at
    return answer.error in excused and answer.finished_at >= hurt_at and due_too_early


def found_wrong(scenes: Iterable[Scene]) -> tuple[str, ...]:
    """By the drill itself, at any of the times."""
    return tuple(each for scene in scenes for each in (*scene.complaints, *lost(scene.returns)))


def lost(returns: Sequence[Return]) -> list[str]:
    return [
        f"{one.instance} came back, and no client had an answer from it" for one in returns if one.answered_at is None
    ]
