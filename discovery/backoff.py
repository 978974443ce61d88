"""How long to wait before trying background work again: full jitter, for ever.

Full jitter spreads a crowd best (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).
"""

from __future__ import annotations

from random import Random


def full_jitter(random: Random, attempt: int, *, first: float = 0.1, longest: float = 1.0) -> float:
    """Seconds to wait after failure number `attempt` (from 0): between nothing and a doubling ceiling."""
    ceiling: float = min(longest, first * 2 ** min(attempt, 16))
    return random.uniform(first / 2, max(first, ceiling))
