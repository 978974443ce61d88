"""The gateway's own errors, as RFC 9457 problem documents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil

from discovery.errors import Attempt, CallFailed, NoInstance, OutOfTime


@dataclass(eq=False)
class Problem(Exception):
    """Something that the gateway answers by itself. `attempts` says which instances were tried.

    Not frozen: whoever passes an exception on sets its traceback.
    """

    status: HTTPStatus
    detail: str
    attempts: Sequence[Attempt] = ()
    retry_after: float | None = None

    def headers(self) -> list[tuple[bytes, bytes]]:
        fields = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(self.body()))]
        if self.retry_after is not None:
            fields.append((b"retry-after", b"%d" % max(1, ceil(self.retry_after))))
        return fields

    def body(self) -> bytes:
        document: dict[str, object] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        if self.attempts:
            document["attempts"] = [
                {"instance": each.instance, "outcome": each.outcome, "milliseconds": each.milliseconds}
                for each in self.attempts
            ]
        return json.dumps(document).encode() + b"\n"


def problem_of(error: CallFailed) -> Problem:
    """What a call that failed is over HTTP."""
    if isinstance(error, NoInstance):
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), error.attempts, error.retry_after)
    status = HTTPStatus.GATEWAY_TIMEOUT if isinstance(error, OutOfTime) else HTTPStatus.BAD_GATEWAY
    return Problem(status, str(error), error.attempts)
