"""All drills, in the order in which they are held."""

from __future__ import annotations

from dataclasses import replace

from mesh.drill import acts
from mesh.drill.drill import Drill, Limits, Needs
from mesh.errors import BadInput

UNNOTICED = Limits(worst_ms=250, rediscovered_ms=250)
HEDGED = Limits(p99_ms=100, worst_ms=500)
LET_GO = replace(HEDGED, returned_ms=5000)
SHED = Limits(load=1.2, worst_ms=acts.DEADLINE * 1000 + 250, returned_ms=2000)
TOLERATED = Limits(load=1.2)
REMEMBERED = Limits(worst_ms=250, registered_ms=2000)

SETTLED = 20.0
"""Seconds for which a caller remembers how slow the first answers were, and so when it calls an attempt slow."""

DRILLS = (
    Drill("kill", "an instance is killed (SIGKILL), and started again after a while", acts.kill, UNNOTICED),
    Drill("term", "an instance is ended (SIGTERM), and started again after a while", acts.term, UNNOTICED),
    Drill(
        "stop", "an instance hangs (SIGSTOP), and goes on after a while (SIGCONT)", acts.stop, LET_GO, settle=SETTLED
    ),
    Drill("restart", "an instance is restarted", acts.restart, UNNOTICED),
    Drill("rolling", "all instances are restarted, one after the other", acts.rolling, UNNOTICED),
    Drill("sick", "an instance answers 500 to everything for a while", acts.sick, TOLERATED),
    Drill(
        "slow", f"an instance takes {acts.SLOW_MS} ms for each answer for a while", acts.slow, HEDGED, settle=SETTLED
    ),
    Drill("flaky", f"an instance answers 500 to one request in {acts.FLAKY_EVERY} for a while", acts.flaky, TOLERATED),
    Drill(
        "consul-down",
        "the registry is killed, and comes back after a while",
        acts.registry_is_away,
        REMEMBERED,
        needs=Needs.REGISTRY,
    ),
    Drill(
        "consul-empty",
        "the registry is killed, and comes back at once, having forgotten everything",
        acts.registry_restarts,
        REMEMBERED,
        needs=Needs.REGISTRY,
    ),
    Drill(
        "consul-restart",
        "the registry is killed, and comes back at once with its data, in which all are critical",
        acts.registry_restarts,
        REMEMBERED,
        needs=Needs.DATA,
    ),
    Drill(
        "all-down",
        "all instances are killed, and started again after a while",
        acts.all_down,
        Limits(rediscovered_ms=1000),
        excused=frozenset({"status 503"}),
    ),
    Drill(
        "all-slow",
        f"all instances take {acts.TOO_SLOW_MS} ms for each answer for a while, and {acts.DEADLINE * 1000} are allowed",
        acts.all_slow,
        SHED,
        excused=frozenset({"status 503", "status 504"}),
        environment={"GATEWAY_DEADLINE": str(acts.DEADLINE)},
    ),
    Drill("port-takeover", "an instance is killed, and a stranger takes its port", acts.port_takeover, UNNOTICED),
    Drill("scale", f"{acts.MORE} instances are added, and end again", acts.scale, Limits(worst_ms=250)),
)


def chosen(names: list[str]) -> tuple[Drill, ...]:
    """`all`, or those of that name. Raises BadInput."""
    known = {drill.name: drill for drill in DRILLS}
    for name in names:
        if name != "all" and name not in known:
            raise BadInput(f"{name[:80]!a} is no drill: there are {', '.join(known)}, and all of them with `all`")
    return DRILLS if "all" in names or not names else tuple(known[name] for name in dict.fromkeys(names))
