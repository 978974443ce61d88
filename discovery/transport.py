"""`http://encrypt/…` from any Python program: an httpx2 transport that finds, chooses and fails over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from random import Random
from typing import cast

import httpx2

from discovery.caller import Caller
from discovery.errors import CallFailed, NoInstance, OutOfTime
from discovery.exchange import HttpxReply, attempt, translated
from discovery.identity import HEADER
from discovery.pool import Pool
from discovery.reply import KEPT, Answered, Send, Settle
from discovery.resolver import Resolver
from discovery.retry import IDEMPOTENT, TERMS, Policy, Terms
from discovery.tracing.provider import global_tracer
from discovery.upstream import Upstream

UNKNOWN = 64
"""Services that have nobody, and are asked for at the same time: an agent grants 200 connections to an address."""


class ServiceTransport(httpx2.AsyncBaseTransport):
    """Takes over hosts that are bare names; every other host goes to `plain`."""

    def __init__(
        self,
        resolver: Resolver,
        *,
        plain: httpx2.AsyncBaseTransport,
        wire: httpx2.AsyncBaseTransport,
        random: Random,
        clock: Callable[[], float],
        deadline: float = 10.0,
        terms: Terms = TERMS,
        also_close: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self._resolver = resolver
        self._plain = plain
        self._wire = wire
        self._random = random
        self._clock = clock
        self._deadline = deadline
        self._terms = terms
        self._also_close = also_close
        self._callers: dict[str, Caller] = {}
        self._closing: set[asyncio.Future[None]] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if not is_service(request.url):
            return await self._plain.handle_async_request(request)
        try:
            return await self._call(request)
        except OutOfTime as error:
            raise httpx2.ReadTimeout(str(error), request=request) from error
        except CallFailed as error:
            raise httpx2.ConnectError(str(error), request=request) from error

    async def aclose(self) -> None:
        await self._resolver.aclose()
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._wire.aclose()
        await self._plain.aclose()
        for close in self._also_close:
            await close()

    async def _call(self, request: httpx2.Request) -> httpx2.Response:
        began = self._clock()
        caller = await self._caller(request.url.host)
        policy = await self._policy(request, caller.pool, began)

        def send(
            upstream: Upstream, settle: Settle[HttpxReply], headers: httpx2.Headers | None = None
        ) -> asyncio.Future[HttpxReply]:
            under_way = attempt(
                self._wire,
                request,
                upstream.instance,
                hold=policy.replayable,
                closing=self._closing,
                headers=headers,
            )
            sending = asyncio.ensure_future(under_way)
            sending.add_done_callback(partial(pass_on, settle=settle))
            return sending

        answered = await caller.call(policy, _traced(request, send) or send)
        response = answered.reply.response
        response.headers.pop(HEADER, None)
        response.extensions["instance"] = answered.upstream.instance.id
        if isinstance(response.stream, httpx2.ByteStream):
            answered.done()  # the body is here already, whole
        else:
            response.stream = _Body(response.stream, answered, caller.pool)
        return response

    async def _caller(self, service: str) -> Caller:
        if service not in self._resolver.pools:
            self._make_room(service)
        try:
            async with asyncio.timeout(self._deadline):
                pool = await self._resolver.known(service)
        except TimeoutError:
            raise OutOfTime(f"the registry has said nothing about {service} yet") from None
        except ValueError as error:
            raise NoInstance(str(error)) from error
        caller = self._callers.get(service)
        if caller is None or caller.pool is not pool:  # forgotten in between, and asked for anew
            caller = self._callers[service] = Caller(pool, random=self._random, clock=self._clock, terms=self._terms)
        return caller

    def _make_room(self, service: str) -> None:
        """Names that nobody has must not use up the agent's connections. Raises NoInstance."""
        if not self._resolver.make_room(UNKNOWN):
            raise NoInstance(f"{service}: too many names are asked for that nobody has")
        for forgotten in self._callers.keys() - self._resolver.pools.keys():
            del self._callers[forgotten]

    async def _policy(self, request: httpx2.Request, pool: Pool, began: float) -> Policy:
        """A request may be repeated when the caller says so, or the route that it takes, which may have a time too."""
        route = pool.routes.match(request.url.path)
        deadline = ((route and route.timeout) or self._deadline) - (self._clock() - began)
        is_safe = bool(request.extensions.get("replay_safe", route and route.replay_safe))
        size = request.headers.get("content-length", "0" if "transfer-encoding" not in request.headers else "")
        kept = size.isdecimal() and int(size) <= KEPT
        if kept:
            await request.aread()
        replayable = kept and (is_safe or request.method in IDEMPOTENT)
        return self._terms.policy(kept, replayable, is_safe, deadline)


def _traced(request: httpx2.Request, send: Callable[..., asyncio.Future[HttpxReply]]) -> Send[HttpxReply] | None:
    """The same with a span for each attempt, if anybody makes spans in this process."""
    tracer = global_tracer()
    if tracer is None:
        return None
    from discovery.tracing.calls import traced

    return traced(tracer, request, send)


def pass_on(sending: asyncio.Future[HttpxReply], settle: Settle[HttpxReply]) -> None:
    """What came of a task that was not cancelled."""
    if not sending.cancelled():
        error = sending.exception()
        if error is not None and not isinstance(error, Exception):
            raise error
        settle(error or sending.result())


def is_service(url: httpx2.URL) -> bool:
    """Whether a URL names a service: one bare word, no port."""
    return (
        url.scheme == "http"
        and url.port is None
        and "." not in url.host
        and url.host.isascii()
        and (url.host not in ("", "localhost") and ":" not in url.host)
    )


class _Body(httpx2.AsyncByteStream):
    """A response's body, whose upstream is busy until it is closed."""

    def __init__(
        self, stream: httpx2.SyncByteStream | httpx2.AsyncByteStream, answered: Answered[HttpxReply], pool: Pool
    ):
        self._stream = cast(httpx2.AsyncByteStream, stream)
        self._answered: Answered[HttpxReply] | None = answered
        self._pool = pool

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except httpx2.TransportError as error:
            if self._answered:
                self._pool.failed(self._answered.upstream, translated(error))
            raise

    async def aclose(self) -> None:
        self._give_back()
        await self._stream.aclose()

    def __del__(self) -> None:
        """A caller who forgot the response must not keep its instance busy for ever."""
        self._give_back()

    def _give_back(self) -> None:
        if self._answered:
            self._answered.done()
            self._answered = None
