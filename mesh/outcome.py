"""What came of a demo, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mesh.report import Report


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured. Milliseconds are None for what was not reached.

    ejected_ms: from SIGKILL to the gateway's putting the instance out of rotation (its events `instance_ejected`,
        `instance_dropped`, or `instance_health_changed` to critical if that came first)
    critical_ms: from SIGKILL to the registry's calling it critical
    rediscovered_ms: from its port being open again to the first answer of it that a client got
    """

    registry: str
    victim: str
    report: Report
    ejected_ms: float | None
    critical_ms: float | None
    rediscovered_ms: float | None

    @property
    def is_success(self) -> bool:
        return self.report.failed == 0 and self.rediscovered_ms is not None

    def as_json(self) -> dict[str, Any]:
        """`requests`, `failed`, `registry` (`embedded`, or `consul <version>`), the three above, `answered` (instances
        that answered, with how often), `victim`, `failures` (kinds, with how often), and latencies in milliseconds."""
        return {
            "requests": self.report.requests,
            "failed": self.report.failed,
            "registry": self.registry,
            "ejected_ms": self.ejected_ms,
            "critical_ms": self.critical_ms,
            "rediscovered_ms": self.rediscovered_ms,
            "answered": self.report.answered,
            "victim": self.victim,
            "failures": self.report.failures,
            "retried": self.report.retried,
            "p50_ms": self.report.p50_ms,
            "p90_ms": self.report.p90_ms,
            "p99_ms": self.report.p99_ms,
            "worst_ms": self.report.worst_ms,
        }


def ms(milliseconds: float | None) -> str:
    return "(never)" if milliseconds is None else f"{milliseconds:.0f} ms"


def rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
