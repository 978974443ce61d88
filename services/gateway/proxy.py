"""One request's way through the gateway: where does it go, is it safe to pass on, and what comes back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus

from discovery.errors import Attempt, AttemptFailed, CallFailed
from discovery.reply import KEPT, Answered
from services.gateway.answer import Answer
from services.gateway.arrival import Arrival
from services.gateway.clients import Clients
from services.gateway.fields import Fields
from services.gateway.forward import Forwarder
from services.gateway.forwarded import TrustedProxies
from services.gateway.framing import check_method, check_version, origin_form, path_of
from services.gateway.headers import encode
from services.gateway.listener import Listener
from services.gateway.marks import complete
from services.gateway.metrics import Metrics
from services.gateway.problems import Problem, problem_of
from services.gateway.request import Request
from services.gateway.request_log import RequestLog
from services.gateway.response import SWITCHING, Response
from services.gateway.routes import Claim, RouteTable

log = logging.getLogger(__name__)

NO_PROXIES = TrustedProxies()

GONE = 499
"""Noted for a client that went away before there was an answer (nginx's number)."""


class Proxy:
    """What the public listeners serve."""

    def __init__(
        self,
        table: RouteTable,
        forwarder: Forwarder,
        metrics: Metrics,
        *,
        body_limit: int,
        connection_limit: int = 10_000,
        request_log: RequestLog | None = None,
        proxies: TrustedProxies = NO_PROXIES,
        knows_routes: Callable[[], bool] = lambda: True,
    ) -> None:
        self.body_limit = body_limit
        self.clients = Clients(connection_limit)
        self.proxies = proxies
        self.is_leaving = False
        self._table = table
        self._forwarder = forwarder
        self._metrics = metrics
        self._request_log = request_log
        self._knows_routes = knows_routes

    def leave(self) -> None:
        """From now on every answer sends its connection away."""
        self.is_leaving = True

    def admit(self, arrival: Arrival, fields: Fields) -> None:
        """Decide by the head alone whether and where a request goes. Raises Problem."""
        check_version(arrival.version)
        check_method(arrival.method)
        arrival.target = origin_form(arrival.target, fields.raw)
        arrival.claim = self._table.match(path_of(arrival.target))
        if arrival.claim is None:
            raise self._nowhere()
        if fields.length is not None and fields.length > self.body_limit:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {self.body_limit} bytes")
        if arrival.upgrade and fields.length != 0:
            raise Problem(HTTPStatus.BAD_REQUEST, "a request for an upgrade has no body")
        arrival.wants_encouragement = fields.expects

    def _nowhere(self) -> Problem:
        """A gateway that has just started must not deny what the one beside it serves."""
        if self._knows_routes():
            return Problem(HTTPStatus.NOT_FOUND, "no service has a route for this path")
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no routes are known yet", retry_after=1.0)

    async def serve(self, arrival: Arrival, answer: Answer, listener: Listener) -> None:
        """Forward an admitted request and carry the response back."""
        claim, fields = arrival.claim, arrival.fields
        if claim is None or fields is None:
            raise RuntimeError("only what was admitted is served")
        began = time.perf_counter()
        try:
            answered = await self._forwarder.forward(outgoing(arrival, fields, claim), claim)
        except asyncio.CancelledError:
            self._note(arrival, GONE, began)
            raise
        except (Problem, CallFailed) as error:
            problem = problem_of(error) if isinstance(error, CallFailed) else error
            self._note(arrival, problem.status, began, problem.attempts)
            answer.closes = answer.closes or not arrival.is_complete
            answer.say(problem)
            return
        instance = answered.upstream.instance.id
        try:
            self._note(arrival, answered.reply.status, began, answered.attempts, instance, answered.tries)
            await self._carry_back(answered, arrival, answer, listener)
        finally:
            if not answer.hands_over:
                answered.done()

    def refuse(self, arrival: Arrival, problem: Problem) -> None:
        """Note a request that the gateway answers by itself, by its head alone."""
        self._note(arrival, problem.status, time.perf_counter())

    def _note(
        self,
        arrival: Arrival,
        status: int,
        began: float,
        attempts: Sequence[Attempt] = (),
        instance: str = "",
        tries: int = 0,
    ) -> None:
        service, seconds = arrival.claim.service if arrival.claim else "", time.perf_counter() - began
        self._metrics.answered(service, status, seconds, attempts)
        if self._request_log is not None:
            tries = tries or len(attempts)
            self._request_log.note(
                arrival, status=status, service=service, instance=instance, attempts=tries, seconds=seconds
            )

    async def _carry_back(
        self, answered: Answered[Response], arrival: Arrival, answer: Answer, listener: Listener
    ) -> None:
        reply, instance = answered.reply, answered.upstream.instance
        passed = reply.head.passed
        if answered.tries > 1:
            passed += b"x-attempts: %d\r\n" % answered.tries
        if not reply.head.has_date:
            passed += encode(listener.date())
        answer.closes = answer.closes or not arrival.is_complete
        if reply.status == SWITCHING:
            self._switch(answered, passed, answer, listener)
        elif reply.is_whole:
            body = reply.body()
            if reply.length is None and not reply.is_bodiless:
                passed += b"content-length: %d\r\n" % len(body)
            answer.respond(reply.status, passed, body)
        else:
            try:
                answer.begin(reply.status, passed, reply.length)
                async for data in reply.flow:
                    await answer.write(data)
                answer.end()
            except AttemptFailed as failure:
                log.warning("a response broke off", extra={"instance": instance.id, "error": str(failure)})
                answer.abort()
            except Problem:  # the client's own body broke off
                answer.abort()
            finally:
                reply.discard()

    def _switch(self, answered: Answered[Response], passed: bytes, answer: Answer, listener: Listener) -> None:
        reply = answered.reply
        if reply.joined is None:
            raise RuntimeError("only a connection that switched protocols can be joined")
        answer.closes = False
        answer.switch(passed + b"connection: upgrade\r\nupgrade: %b\r\n" % reply.head.upgrade)
        listener.hand_over(*reply.joined, answered.done)


def outgoing(arrival: Arrival, fields: Fields, claim: Claim) -> Request:
    """The request as an instance gets it: prefix stripped, fields cleaned, a small body kept."""
    target, strip = arrival.target, claim.route.strip.encode()
    if strip and target.startswith(strip):
        target = b"/" + target[len(strip) :].lstrip(b"/")  # `//host` would name another host to who redirects by path
    arrival.marks = complete(fields.given)
    encoded = fields.encoded + arrival.marks.encoded()
    if not fields.has_host:
        encoded += b"host: %b\r\n" % claim.service.encode()
    if not arrival.is_complete or arrival.flow.size > KEPT:
        return Request(arrival.method, target, encoded, arrival.flow, fields.length)
    body = arrival.flow.take()
    if fields.length is None:
        encoded += b"content-length: %d\r\n" % len(body)
    return Request(arrival.method, target, encoded, body, upgrade=arrival.upgrade)
