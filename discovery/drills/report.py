"""What a client saw during a drill, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Report:
    """`failed` are the requests without the expected status, and `reasons` say why, with how often.

    `worst` is what the slowest request took, in seconds from the moment when it was due, failed ones included.
    `answered` are the good answers of each instance, by its ID.
    """

    requests: int
    failed: int
    reasons: Mapping[str, int]
    worst: float
    answered: Mapping[str, int]


class Tally:
    """Counts requests as they end."""

    def __init__(self) -> None:
        self.requests = 0
        self._reasons: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()
        self._worst = 0.0

    def answered(self, instance: str, seconds: float) -> None:
        self._answered[instance] += 1
        self._ended(seconds)

    def failed(self, reason: str, seconds: float) -> None:
        self._reasons[reason] += 1
        self._ended(seconds)

    def report(self) -> Report:
        return Report(
            requests=self.requests,
            failed=self._reasons.total(),
            reasons=dict(self._reasons.most_common()),
            worst=self._worst,
            answered=dict(sorted(self._answered.items())),
        )

    def _ended(self, seconds: float) -> None:
        self.requests += 1
        self._worst = max(self._worst, seconds)
