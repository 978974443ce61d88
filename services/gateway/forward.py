"""Attempts: from a claim on a path to the reply of one of the service's instances."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random

from opentelemetry.trace import Tracer

from discovery.caller import Caller
from discovery.reply import Answered, Settle
from discovery.resolver import Resolver
from discovery.retry import IDEMPOTENT, TERMS, Policy, Terms
from discovery.tags import Route
from discovery.upstream import Upstream
from services.gateway.connection import Exchange
from services.gateway.request import Request
from services.gateway.response import Response
from services.gateway.routes import Claim
from services.gateway.spans import attempts
from services.gateway.wire import Wire

Made = Callable[[bool, bool, bool, float], Policy]


class Forwarder:
    """Keeps a caller for each route, so that each has a budget and a memory of its own. With a tracer, each attempt has
    a span."""

    def __init__(
        self,
        resolver: Resolver,
        wire: Wire,
        *,
        deadline: float,
        random: Random,
        clock: Callable[[], float],
        terms: Terms = TERMS,
        tracer: Tracer | None = None,
    ) -> None:
        self._resolver = resolver
        self._wire = wire
        self._deadline = deadline
        self._random = random
        self._clock = clock
        self._terms = terms
        self._policy: Made = lru_cache(maxsize=1024)(terms.policy)  # values, of which there are few for many requests
        self._tracer = tracer
        self._callers: dict[tuple[str, str], Caller] = {}

    async def forward(self, request: Request, claim: Claim) -> Answered[Response]:
        """Raises CallFailed."""
        policy = policy_for(request, claim.route, self._deadline, self._policy)

        def send(upstream: Upstream, settle: Settle[Response], request: Request = request) -> Exchange:
            return self._wire.start(upstream.instance, request, settle, hold=policy.replayable)

        if self._tracer is not None:
            return await self._caller(claim).call(policy, attempts(self._tracer, request, send))
        return await self._caller(claim).call(policy, send)

    def _caller(self, claim: Claim) -> Caller:
        key = claim.service, claim.route.prefix
        if key not in self._callers:
            pool = self._resolver.follow(claim.service)
            self._callers[key] = Caller(pool, random=self._random, clock=self._clock, terms=self._terms)
        return self._callers[key]


def policy_for(request: Request, route: Route, deadline: float, made: Made = TERMS.policy) -> Policy:
    """What may be done for this request on this route."""
    kept = request.is_repeatable
    replayable = kept and (route.replay_safe or request.method.decode() in IDEMPOTENT)
    return made(kept, replayable, route.replay_safe, route.timeout or deadline)
