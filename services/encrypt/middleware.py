"""What is wrapped around an endpoint: a report of each call, and a limit on calls at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from services.encrypt.endpoint import Context, Endpoint, Middleware, Request, Response
from services.encrypt.errors import Broken, EncryptError, Overloaded


@dataclass(frozen=True, slots=True)
class Report:
    """How one call went. `outcome` is `ok`, `abandoned`, or what an error calls itself (`errors.py`)."""

    operation: str
    outcome: str
    seconds: float
    context: Context


Sink = Callable[[Report], None]


def to_all(*sinks: Sink) -> Sink:
    def tell(report: Report) -> None:
        for sink in sinks:
            sink(report)

    return tell


def to_log(log: logging.Logger) -> Sink:
    """One line for each call: who asked, how it went, how long it took, and nothing of what was asked."""

    def write(report: Report) -> None:
        told = {"operation": report.operation, "outcome": report.outcome, "seconds": round(report.seconds, 6)}
        asked = {"request_id": report.context.request_id, "traceparent": report.context.traceparent}
        log.info("request", extra=told | {name: value for name, value in asked.items() if value})

    return write


def reported(operation: str, sink: Sink, clock: Callable[[], float]) -> Middleware:
    """Tell `sink` of each call when it is over, however it ends."""

    def wrap(following: Endpoint[Request, Response]) -> Endpoint[Request, Response]:
        async def call(context: Context, request: Request) -> Response:
            started, outcome = clock(), Broken.outcome
            try:
                response = await following(context, request)
                outcome = "ok"
                return response
            except EncryptError as error:
                outcome = error.outcome
                raise
            except asyncio.CancelledError:
                outcome = "abandoned"
                raise
            finally:
                sink(Report(operation, outcome, clock() - started, context))

        return call

    return wrap


class Limit:
    """At most so many calls at once, over all endpoints that it is wrapped around; the rest is Overloaded."""

    def __init__(self, calls: int) -> None:
        self._calls = calls
        self.in_flight = 0

    def __call__(self, following: Endpoint[Request, Response], /) -> Endpoint[Request, Response]:
        async def call(context: Context, request: Request) -> Response:
            if self.in_flight >= self._calls:
                raise Overloaded
            self.in_flight += 1
            try:
                return await following(context, request)
            finally:
                self.in_flight -= 1

        return call
