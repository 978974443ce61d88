"""A client's request as it arrives: its head, where it goes, and its body as far as it has come."""

from __future__ import annotations

from dataclasses import dataclass

from services.gateway.flow import Flow
from services.gateway.problems import Problem
from services.gateway.request import KEPT, Headers
from services.gateway.routes import Claim


@dataclass(slots=True, eq=False)
class Arrival:
    """`problem`: the gateway answers this one itself. `length` of the body is None when it is chunked."""

    method: bytes
    target: bytes
    version: str
    headers: Headers
    flow: Flow
    keep_alive: bool
    length: int | None
    claim: Claim | None = None
    problem: Problem | None = None
    upgrade: bytes = b""
    seen: int = 0
    is_complete: bool = False
    wants_encouragement: bool = False
    """The client waits for a `100 Continue` before it sends the body."""

    @property
    def is_ready(self) -> bool:
        """Whether it can be served: a small body is waited for, so that it can be sent again."""
        return self.is_complete or self.problem is not None or self.length is None or self.length > KEPT
