"""The environment of what is drilled: our own, without what could lead it to another registry or port."""

from __future__ import annotations

import os
from collections.abc import Mapping

LEADS_ELSEWHERE = ("CONSUL_", "SERVICE_", "DEVAGENT_")


def environment(told: Mapping[str, str]) -> dict[str, str]:
    """With what it is `told` itself."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(LEADS_ELSEWHERE)}
    return {**inherited, **told}
