"""Take a request off the wire, make it safe to forward, and carry the answer back."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

import httpx2

from discovery.errors import CallFailed
from discovery.health import Receive, Scope, Send
from discovery.reply import Answered
from services.gateway.forward import Forwarder
from services.gateway.headers import for_client, for_upstream
from services.gateway.metrics import Metrics
from services.gateway.problems import Problem, problem_of
from services.gateway.request import KEPT, Headers, Request
from services.gateway.routes import Claim, RouteTable
from services.gateway.wire import WireReply

log = logging.getLogger(__name__)

REFUSED_METHODS = frozenset({"CONNECT", "TRACE"})


class Proxy:
    """The public listener's application (ASGI)."""

    def __init__(self, table: RouteTable, forwarder: Forwarder, metrics: Metrics, *, body_limit: int) -> None:
        self._table = table
        self._forwarder = forwarder
        self._metrics = metrics
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            with self._metrics.in_flight.track_inprogress():
                await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        service = ""
        try:
            claim = self._claim(scope)
            service = claim.service
            request = await self._request(scope, receive, claim)
            answered = await self._forwarder.forward(request, claim)
        except (Problem, CallFailed) as error:
            problem = problem_of(error) if isinstance(error, CallFailed) else error
            self._metrics.answered(service, problem.status, time.perf_counter() - began, problem.attempts)
            await self._say(problem, send)
            return
        attempts, status = answered.attempts, answered.reply.status
        self._metrics.answered(service, status, time.perf_counter() - began, attempts)
        await self._pass_on(answered, send)

    def _claim(self, scope: Scope) -> Claim:
        path = scope["raw_path"].decode("ascii", "replace")
        if scope["method"] in REFUSED_METHODS:
            raise Problem(HTTPStatus.NOT_IMPLEMENTED, "this method is not forwarded")
        if leaves_its_place(path):
            raise Problem(HTTPStatus.BAD_REQUEST, "the path leads outside of itself")
        claim = self._table.match(path)
        if claim is None:
            raise Problem(HTTPStatus.NOT_FOUND, "no service has a route for this path")
        return claim

    async def _request(self, scope: Scope, receive: Receive, claim: Claim) -> Request:
        headers: Headers = scope["headers"]
        target = scope["raw_path"].removeprefix(claim.route.strip.encode()) or b"/"
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        client = scope["client"][0] if scope["client"] else ""
        return Request(
            scope["method"],
            target,
            for_upstream(headers, client=client, scheme=scope["scheme"]),
            await self._body(headers, receive),
        )

    async def _body(self, headers: Headers, receive: Receive) -> bytes | AsyncIterator[bytes]:
        """A small body whole, so that it can be sent again; a large one as it comes."""
        fields = dict(headers)
        size = fields.get(b"content-length", b"" if b"transfer-encoding" in fields else b"0")
        if size.isdigit() and int(size) > self._body_limit:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {self._body_limit} bytes")
        chunks = self._chunks(receive)
        if size.isdigit() and int(size) <= KEPT:
            return b"".join([chunk async for chunk in chunks])
        return chunks

    async def _chunks(self, receive: Receive) -> AsyncIterator[bytes]:
        seen = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Problem(HTTPStatus.BAD_REQUEST, "the client went away")
            chunk = message.get("body", b"")
            seen += len(chunk)
            if seen > self._body_limit:
                raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {self._body_limit} bytes")
            if chunk:
                yield chunk
            if not message.get("more_body", False):
                return

    async def _say(self, problem: Problem, send: Send) -> None:
        await send({"type": "http.response.start", "status": problem.status.value, "headers": problem.headers()})
        await send({"type": "http.response.body", "body": problem.body()})

    async def _pass_on(self, answered: Answered[WireReply], send: Send) -> None:
        reply, served_by = answered.reply, answered.upstream.instance.id
        headers = for_client(reply.headers, served_by=served_by, attempts=len(answered.attempts))
        try:
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            async for chunk in reply.chunks():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except httpx2.TransportError:
            log.warning("a response broke off", extra={"instance": served_by})
        finally:
            answered.done()


def leaves_its_place(path: str) -> bool:
    """Whether a path has dot segments, NULs or line breaks, also when it is decoded as an instance would."""
    decoded = unquote_to_bytes(path).replace(b"\\", b"/")
    return any(segment in (b".", b"..") for segment in decoded.split(b"/")) or any(byte < 32 for byte in decoded)
