"""Why a request never gets as far as an endpoint: what the transport says of a body, or of a client that left."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class FieldError(NamedTuple):
    """`pointer` leads to one of our own fields (RFC 6901, as a URI fragment), or is `#` for the whole body."""

    pointer: str
    detail: str


class Refused(Exception):
    """The body is none that we take: `status` is 400, 408, 413, 415 or 422."""

    outcome = "invalid"

    def __init__(self, status: int, detail: str, errors: Iterable[FieldError] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)


class Abandoned(Exception):
    """The client has gone away; nobody is there to answer."""

    outcome = "abandoned"
