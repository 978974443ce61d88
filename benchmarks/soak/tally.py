"""What became of all requests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from benchmarks.soak.dialogue import Reply


@dataclass(slots=True)
class Tally:
    """`mismatched` answers carry a body that is not their request's. `failures` by status or kind of error."""

    answered: int = 0
    mismatched: int = 0
    cancelled: int = 0
    vanished: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    def judge(self, body: bytes, reply: Reply) -> None:
        """The reply to a request for an echo of this body."""
        self.answered += 1
        if reply.status != 200:
            self.failures[f"status {reply.status}"] += 1
        elif reply.body != body:
            self.mismatched += 1
