"""When does a caller that has just started know enough to be ready? Decides only; what is learnt is not unlearnt.

An empty list of services is no answer. Consul lists itself to everybody who may read it, so nothing at all means that a
token may read nothing. And a registry that was started again lists itself alone until instances have noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

REGISTRY = "consul"
"""The one service that every registry has, and nobody may call."""

SETTLING = 10.0
"""Seconds after which a registry that lists no route is believed: instances notice within two that it forgot them."""


class Learning:
    """Tell it of each list of services."""

    def __init__(self) -> None:
        self._to_learn: frozenset[str] | None = None
        self._routeless_since: float | None = None
        self._is_over = False

    @property
    def has_begun(self) -> bool:
        """Whether the registry has said what there is to learn."""
        return self._to_learn is not None

    def heard(self, listed: Collection[str], routed: Collection[str], now: float) -> None:
        """The first list that has any route says what is to be learnt: `routed`, which is empty without one."""
        if routed:
            self._routeless_since = None
            if self._to_learn is None:
                self._to_learn = frozenset(routed)
        elif not listed:
            self._routeless_since = None
        elif self._routeless_since is None:
            self._routeless_since = now

    def is_over(self, now: float, *, is_known: Callable[[str], bool], has_instances: Callable[[], bool]) -> bool:
        """Whether all services are known that were to be learnt, and any instance of anybody.

        Services that are listed without a single instance are what a token sees that may read services but no nodes.
        """
        if not self._is_over:
            learnt = self._to_learn is not None and all(map(is_known, self._to_learn)) and has_instances()
            settled = self._routeless_since is not None and now - self._routeless_since >= SETTLING
            self._is_over = learnt or settled
        return self._is_over
