"""From what was seen, by clients, gateway and registry, to the time line of a drill."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from mesh.drill.sightings import Fate
from mesh.report import Answer


@dataclass(frozen=True, slots=True)
class TimeLine:
    """Milliseconds from the moment of the hurt, in the order in which they usually come; None for what did not come.

    last_good_answer: the victim's last one to a client before that was put right which was wrong
    first_failed_attempt: an answer to a client that took more than one attempt, or failed
    out_of_rotation: the gateway put the victim out, by its own account
    critical, gone: the registry called its entry critical; had it no more, or had another one in its place
    registry_answers, all_registered: the registry answered again; knew all instances again
    port_opened: the victim's port took connections again
    registered: the registry had the victim again
    first_answer: a client had an answer from the victim again
    """

    last_good_answer: float | None = None
    first_failed_attempt: float | None = None
    out_of_rotation: float | None = None
    critical: float | None = None
    gone: float | None = None
    registry_answers: float | None = None
    all_registered: float | None = None
    port_opened: float | None = None
    registered: float | None = None
    first_answer: float | None = None

    def as_json(self) -> dict[str, float | None]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Moments:
    """What a time line is made of: moments on the monotonic clock."""

    hurt_at: float
    out_at: float | None
    fate: Fate
    registry_answered_at: float | None
    all_registered_at: float | None
    opened_at: float | None
    answered_at: float | None


def time_line(victim: str, answers: Sequence[Answer], moments: Moments) -> TimeLine:
    """`answers` are those of the whole run. A victim that was there all the time has no last good answer."""
    hurt_at = moments.hurt_at

    def since(moment: float | None) -> float | None:
        return None if moment is None else round((moment - hurt_at) * 1000, 1)

    return TimeLine(
        last_good_answer=since(_last_good(victim, answers, moments)),
        first_failed_attempt=since(_earliest(answers, hurt_at)),
        out_of_rotation=since(moments.out_at),
        critical=since(moments.fate.critical),
        gone=since(moments.fate.gone),
        registry_answers=since(moments.registry_answered_at),
        all_registered=since(moments.all_registered_at),
        port_opened=since(moments.opened_at),
        registered=since(moments.fate.registered),
        first_answer=since(moments.answered_at),
    )


def _last_good(victim: str, answers: Iterable[Answer], moments: Moments) -> float | None:
    if moments.answered_at is None and moments.out_at is None:
        return None
    until = moments.answered_at or float("inf")
    its_own = (one.finished_at for one in answers if one.served_by == victim and not one.error)
    return max((at for at in its_own if at < until), default=None)


def _earliest(answers: Iterable[Answer], hurt_at: float) -> float | None:
    troubled = (one.finished_at for one in answers if one.error or one.attempts > 1)
    return min((at for at in troubled if at >= hurt_at), default=None)
