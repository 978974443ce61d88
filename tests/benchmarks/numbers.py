"""Samples for tests that are about nothing but arithmetic."""

from __future__ import annotations

from benchmarks.sample import Sample


def sample(rate: float = 1000.0, *, p50: float = 1.0, p99: float = 2.0, busy: float = 1.0, failed: int = 0) -> Sample:
    return Sample(rate, p50, p99, p50, p99, failed, 1e6 * busy / rate, busy, 0.0)
