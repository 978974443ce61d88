"""One request's way through the gateway: where does it go, is it safe to pass on, and what comes back."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus

from discovery.errors import AttemptFailed, CallFailed
from discovery.reply import Answered
from services.gateway.answer import Answer
from services.gateway.arrival import Arrival
from services.gateway.forward import Forwarder
from services.gateway.framing import check_fields, check_method, check_version, origin_form, path_of
from services.gateway.headers import for_client, for_upstream
from services.gateway.listener import Listener
from services.gateway.metrics import Metrics
from services.gateway.problems import Problem, problem_of
from services.gateway.request import KEPT, Request
from services.gateway.response import SWITCHING, Response
from services.gateway.routes import RouteTable
from services.gateway.tunnel import join

log = logging.getLogger(__name__)


class Proxy:
    """What the public listeners serve."""

    def __init__(self, table: RouteTable, forwarder: Forwarder, metrics: Metrics, *, body_limit: int) -> None:
        self.body_limit = body_limit
        self._table = table
        self._forwarder = forwarder
        self._metrics = metrics

    def admit(self, arrival: Arrival) -> None:
        """Decide by the head alone whether and where a request goes. Raises Problem."""
        check_version(arrival.version)
        check_method(arrival.method)
        check_fields(arrival.version, arrival.headers)
        arrival.target = origin_form(arrival.target, arrival.headers)
        arrival.claim = self._table.match(path_of(arrival.target))
        if arrival.claim is None:
            raise Problem(HTTPStatus.NOT_FOUND, "no service has a route for this path")
        if arrival.length is not None and arrival.length > self.body_limit:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {self.body_limit} bytes")
        if arrival.upgrade != b"websocket":
            arrival.upgrade = b""
        elif arrival.length != 0:
            raise Problem(HTTPStatus.BAD_REQUEST, "a request for an upgrade has no body")
        expects = next((value for name, value in arrival.headers if name == b"expect"), b"")
        if expects.lower() not in (b"", b"100-continue"):
            raise Problem(HTTPStatus.EXPECTATION_FAILED, "the only expectation understood here is 100-continue")
        arrival.wants_encouragement = bool(expects) and arrival.length != 0

    async def serve(self, arrival: Arrival, answer: Answer, listener: Listener) -> None:
        """Forward an admitted request and carry the response back."""
        claim = arrival.claim
        if claim is None:
            raise RuntimeError("only what was admitted is served")
        began = time.perf_counter()
        try:
            answered = await self._forwarder.forward(outgoing(arrival, listener.client), claim)
        except (Problem, CallFailed) as error:
            problem = problem_of(error) if isinstance(error, CallFailed) else error
            self._metrics.answered(claim.service, problem.status, time.perf_counter() - began, problem.attempts)
            answer.closes = answer.closes or not arrival.is_complete
            answer.say(problem)
            return
        seconds = time.perf_counter() - began
        self._metrics.answered(claim.service, answered.reply.status, seconds, answered.attempts)
        try:
            await self._carry_back(answered, arrival, answer, listener)
        finally:
            answered.done()

    async def _carry_back(
        self, answered: Answered[Response], arrival: Arrival, answer: Answer, listener: Listener
    ) -> None:
        reply, instance = answered.reply, answered.upstream.instance
        headers = for_client(reply.headers, served_by=instance.id, attempts=answered.tries)
        answer.closes = answer.closes or not arrival.is_complete
        if reply.status == SWITCHING:
            self._switch(reply, headers, answer, listener)
        elif reply.is_complete and (reply.length is not None or reply.is_bodiless):
            answer.respond(reply.status, headers, reply.flow.take())
        else:
            answer.begin(reply.status, headers, reply.length)
            try:
                async for data in reply.flow:
                    await answer.write(data)
                answer.end()
            except AttemptFailed as failure:
                log.warning("a response broke off", extra={"instance": instance.id, "error": str(failure)})
                answer.abort()
            finally:
                reply.discard()

    def _switch(self, reply: Response, headers: list[tuple[bytes, bytes]], answer: Answer, listener: Listener) -> None:
        upgrade = next((value for name, value in reply.headers if name == b"upgrade"), b"websocket")
        answer.closes = False
        answer.switch([*headers, (b"connection", b"upgrade"), (b"upgrade", upgrade)])
        client, said = listener.hand_over()
        instance, heard = reply.hand_over()
        instance.write(said)
        client.write(heard)
        join(client, instance)


def outgoing(arrival: Arrival, client: str) -> Request:
    """The request as an instance gets it: prefix stripped, fields cleaned, a small body kept."""
    strip = arrival.claim.route.strip.encode() if arrival.claim else b""
    target = arrival.target
    if strip and target.startswith(strip):
        target = target[len(strip) :]
        target = target if target.startswith(b"/") else b"/" + target
    whole = arrival.is_complete and arrival.flow.size <= KEPT
    body = arrival.flow.take() if whole else arrival.flow
    headers = for_upstream(arrival.headers, client=client, scheme="http")
    if whole and arrival.length is None:
        headers = [*headers, (b"content-length", b"%d" % len(body))] if isinstance(body, bytes) else headers
    return Request(arrival.method, target, headers, body, 0 if whole else arrival.length, arrival.upgrade)
