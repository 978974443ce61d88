"""A client's request as it arrives: its head, where it goes, and its body as far as it has come."""

from __future__ import annotations

from discovery.reply import KEPT
from services.gateway.fields import Fields
from services.gateway.flow import Flow
from services.gateway.marks import Marks
from services.gateway.problems import Problem
from services.gateway.routes import Claim

NONE = Marks()


class Arrival:
    """`problem`: the gateway answers this one itself. `fields` is missing only where there is a problem.

    `upgrade` is the other protocol that the connection is for once this request is granted, if that is one we tunnel.
    """

    __slots__ = (
        "claim",
        "fields",
        "flow",
        "is_complete",
        "keep_alive",
        "marks",
        "may_stream",
        "method",
        "problem",
        "seen",
        "target",
        "upgrade",
        "version",
        "wants_encouragement",
    )

    def __init__(
        self,
        method: bytes,
        target: bytes,
        version: str,
        flow: Flow,
        *,
        keep_alive: bool,
        fields: Fields | None = None,
        problem: Problem | None = None,
    ) -> None:
        self.method = method
        self.target = target
        self.version = version
        self.fields = fields
        self.flow = flow
        self.keep_alive = keep_alive
        self.claim: Claim | None = None
        self.problem = problem
        self.marks = NONE
        self.upgrade = b""
        self.seen = 0
        self.is_complete = False
        self.may_stream = False
        """Of a body of unknown length: it was waited for long enough."""
        self.wants_encouragement = False
        """The client waits for a `100 Continue` before it sends the body."""

    @property
    def has_unknown_length(self) -> bool:
        return self.fields is not None and self.fields.length is None

    @property
    def is_ready(self) -> bool:
        """Whether it can be served: a small body is waited for, so that it can be sent again."""
        if self.is_complete or self.problem is not None or self.fields is None:
            return True
        length = self.fields.length
        return self.may_stream or self.flow.size > KEPT if length is None else length > KEPT
