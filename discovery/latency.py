"""Two memories of how long things take: one that shies at a peak, and one that knows its slowest percent."""

from __future__ import annotations

from math import exp, log2

WARM_UP = 10

LATELY = 0.5
"""Seconds after which an estimate that no answer has confirmed is forgotten ten times as fast."""


class PeakEwma:
    """Latency of one instance: jumps to a peak at once, forgets it over `decay` seconds.

    As Finagle's `loadMetrics` do it. A fresh process pays once for what later calls find ready (connections, derived
    keys), so its first answers count by the best of them.

    Where there are few requests, whoever loses every comparison for an old peak is asked nothing that could disprove
    it: so what was not confirmed lately fades ten times as fast.
    """

    __slots__ = ("_at", "_decay", "_seen", "cost")

    def __init__(self, decay: float = 10.0) -> None:
        self._decay = decay
        self._at = 0.0
        self._seen = 0
        self.cost = 0.0

    def observe(self, seconds: float, now: float) -> None:
        if self._seen < WARM_UP:
            self.cost = seconds if self._seen == 0 else min(self.cost, seconds)
            self._seen += 1
        elif seconds > self.cost:
            self.cost = seconds
        else:
            kept = self._kept(now)
            self.cost = self.cost * kept + seconds * (1.0 - kept)
        self._at = now

    @property
    def is_warm(self) -> bool:
        """Whether enough was heard to compare this instance with others."""
        return self._seen >= WARM_UP

    def at(self, now: float) -> float:
        """Seconds, decayed for as long as nothing was heard, so that an idle instance is tried again."""
        return self.cost * self._kept(now) if now > self._at else self.cost

    def _kept(self, now: float) -> float:
        silence = now - self._at
        return exp(-silence / self._decay if silence < LATELY else -silence * 10.0 / self._decay)


class SlowestPercent:
    """The 99th percentile of the last ten to twenty seconds, to within a tenth.

    Counts in buckets whose bounds grow by a fixed ratio, as in HdrHistogram; two half windows stand for a sliding one.
    """

    WINDOW = 10.0
    STEPS = 8
    """Buckets to a doubling: neighbours differ by 9 %."""
    BUCKETS = 27 * STEPS
    """From a microsecond to two minutes."""

    def __init__(self) -> None:
        self._now = [0] * self.BUCKETS
        self._before = [0] * self.BUCKETS
        self._turn = 0.0
        self._fresh = 0
        self._known: float | None = None

    def observe(self, seconds: float, now: float) -> None:
        if now - self._turn >= self.WINDOW:
            fresh = now - self._turn < 2 * self.WINDOW
            self._before, self._now = self._now if fresh else [0] * self.BUCKETS, [0] * self.BUCKETS
            self._turn = now
        bucket = int(log2(seconds * 1e6) * self.STEPS) if seconds > 1e-6 else 0
        self._now[min(bucket, self.BUCKETS - 1)] += 1
        self._fresh += 1

    def value(self) -> float | None:
        """Seconds; None before there is anything to go by. Counted anew after every hundredth observation."""
        if self._known is None or self._fresh >= 100:
            self._known, self._fresh = self._count(), 0
        return self._known

    def _count(self) -> float | None:
        counts = [new + old for new, old in zip(self._now, self._before, strict=True)]
        left = sum(counts) / 100
        if not left:
            return None
        for bucket in range(self.BUCKETS - 1, -1, -1):
            left -= counts[bucket]
            if left < 0:
                return float(2.0 ** ((bucket + 1) / self.STEPS) / 1e6)
        return 0.0
