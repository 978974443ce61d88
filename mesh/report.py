"""What a client saw: single answers, and what they come to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

REFUSED = "refused"
"""Nobody listens on the port."""
BROKEN = "broken"
"""The connection ended, or what came over it was not HTTP, before the whole response was here."""
HANG = "hang"
"""The whole response was not here when the time for one request was over."""


class Answer(NamedTuple):
    """How one request ended. Times are seconds on the monotonic clock."""

    scheduled_at: float
    finished_at: float
    status: int | None
    served_by: str
    attempts: int
    error: str | None

    @property
    def latency(self) -> float:
        """Seconds from the moment the request was due, so that waiting for a slow sender counts too."""
        return self.finished_at - self.scheduled_at


@dataclass(frozen=True, slots=True)
class Report:
    """A run in numbers. Latencies are milliseconds over all requests, failed ones included; None without any."""

    requests: int
    failed: int
    failures: dict[str, int]
    seconds: float
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    worst_ms: float | None
    answered: dict[str, int]
    retried: int
    late_ms: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def judge(status: int) -> str | None:
    """The error that a status stands for: from 400 on, a request has failed."""
    return f"status {status}" if status >= 400 else None


def summarize(answers: Sequence[Answer], *, late: float = 0.0) -> Report:
    """`late`: seconds by which the sender itself was behind its schedule at worst."""
    failures = Counter(answer.error for answer in answers if answer.error is not None)
    served = Counter(answer.served_by for answer in answers if answer.served_by)
    latencies = sorted(answer.latency for answer in answers)
    return Report(
        requests=len(answers),
        failed=failures.total(),
        failures=dict(failures.most_common()),
        seconds=round(_span(answers), 3),
        p50_ms=_milliseconds(latencies, 0.50),
        p90_ms=_milliseconds(latencies, 0.90),
        p99_ms=_milliseconds(latencies, 0.99),
        worst_ms=_milliseconds(latencies, 1.0),
        answered=dict(sorted(served.items())),
        retried=sum(answer.attempts > 1 for answer in answers),
        late_ms=round(late * 1000, 2),
    )


def _span(answers: Iterable[Answer]) -> float:
    began = min((answer.scheduled_at for answer in answers), default=0.0)
    return max((answer.finished_at for answer in answers), default=0.0) - began


def _milliseconds(ordered: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile: a latency that some request really had."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)] * 1000, 2)
