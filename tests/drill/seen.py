"""What clients, gateway and registry might have seen, as values."""

from __future__ import annotations

from datetime import UTC, datetime

from discovery.instance import Health, Instance
from mesh.admin import Happened
from mesh.drill.drill import Drill, Limits
from mesh.drill.growth import Growth, Holdings
from mesh.drill.outcome import Outcome
from mesh.drill.scene import Scene
from mesh.drill.sightings import Sighting
from mesh.drill.timeline import TimeLine
from mesh.report import Answer, summarize

VICTIM, OTHER = "encrypt-3", "encrypt-1"

HURT_AT = 100.0

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
"""When a gateway's clock stood there, the monotonic one stood at HURT_AT."""


def answer(
    at: float,
    by: str = OTHER,
    *,
    took: float = 0.005,
    attempts: int = 1,
    error: str | None = None,
) -> Answer:
    """One that was there `at` seconds after the hurt."""
    status = None if error else 200
    return Answer(HURT_AT + at - took, HURT_AT + at, status, "" if error else by, attempts, error)


def entry(instance: str, boot: str = "0a", health: Health = "passing") -> Instance:
    return Instance(instance, "encrypt", "127.0.0.1", 4000, meta={"boot_id": boot}, health=health)


def sighting(at: float, *entries: Instance) -> Sighting:
    return Sighting(HURT_AT + at, entries)


def happened(at: float, kind: str, instance: str = VICTIM, health: str = "") -> Happened:
    return Happened(datetime.fromtimestamp(BEGAN.timestamp() + at, UTC), kind, instance, health)


async def nothing(_: Scene) -> None:
    pass


def drill(limits: Limits | None = None, **more: object) -> Drill:
    return Drill("kill", "an instance is killed", nothing, limits or Limits(), **more)  # type: ignore[arg-type]


def outcome(*answers: Answer, **different: object) -> Outcome:
    """One that went well, but for what is different."""
    whole = summarize(answers or [answer(-1), answer(1)])
    usual: dict[str, object] = {
        "drill": "kill",
        "times": 1,
        "victim": VICTIM,
        "whole": whole,
        "calm": whole,
        "hurt": whole,
        "excused": 0,
        "timeline": TimeLine(first_answer=1000.0),
        "rediscovered_ms": 20.0,
        "returned_ms": None,
        "registered_ms": None,
        "load": None,
        "growth": Growth(Holdings(), Holdings()),
        "wrongs": (),
    }
    return Outcome(**(usual | different))  # type: ignore[arg-type]
