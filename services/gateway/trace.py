"""W3C Trace Context (Level 1): a valid trace goes on untouched, anything else begins a new one."""

from __future__ import annotations

import re

from services.gateway.request import Headers

_IDS = rb"-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
_TRACEPARENT = re.compile(rb"00%b|(?!00|ff)[0-9a-f]{2}%b(?:-.*)?" % (_IDS, _IDS))
"""Of versions to come only the beginning is known (section 3.2.4 of the recommendation)."""


def is_traceparent(value: bytes) -> bool:
    return _TRACEPARENT.fullmatch(value) is not None


def continues_a_trace(headers: Headers) -> bool:
    """Whether there is one valid `traceparent`, and no other (names in lower case)."""
    said = [value for name, value in headers if name == b"traceparent"]
    return len(said) == 1 and is_traceparent(said[0])


def new_traceparent(identifiers: bytes) -> bytes:
    """From 48 random hex digits. Sampled, as if we were not there: else whoever is behind us would record nothing."""
    return b"00-%b-%b-01" % (identifiers[:32], identifiers[32:48])
