"""Durations as Go writes them (`1s`, `1m30s`, `.5h`), in seconds.

Grammar and error texts are those of Go's `time.ParseDuration`, which Consul passes on to its clients.
"""

from __future__ import annotations

import re

SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}

LONGEST = 2**63 * 1e-9
"""Go counts nanoseconds in a signed 64-bit integer: 292 years."""

_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([^0-9.]*)")


def parse(text: str) -> float:
    """Seconds. Raises ValueError with Go's own text."""
    quoted = f'"{text}"'
    digits = text[1:] if text[:1] in ("-", "+") else text
    if digits == "0":
        return 0.0
    parts = list(_PART.finditer(digits))
    if not parts or "".join(part[0] for part in parts) != digits:
        raise ValueError(f"time: invalid duration {quoted}")
    total = sum(float(part[1]) * _unit(part[2], quoted) for part in parts)
    if total >= LONGEST:
        raise ValueError(f"time: invalid duration {quoted}")
    return -total if text.startswith("-") else total


def _unit(name: str, quoted: str) -> float:
    if not name:
        raise ValueError(f"time: missing unit in duration {quoted}")
    if name not in SECONDS:
        raise ValueError(f'time: unknown unit "{name}" in duration {quoted}')
    return SECONDS[name]
