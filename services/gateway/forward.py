"""Attempts: from a claim on a path to the reply of one of the service's instances."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random

from opentelemetry.trace import Tracer

from discovery.caller import Caller
from discovery.reply import Answered, Settle
from discovery.resolver import Resolver
from discovery.retry import IDEMPOTENT, Policy
from discovery.tags import Route
from discovery.upstream import Upstream
from services.gateway.connection import Exchange
from services.gateway.request import Request
from services.gateway.response import Response
from services.gateway.routes import Claim
from services.gateway.spans import attempts
from services.gateway.wire import Wire


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
        tracer: Tracer | None = None,
    ) -> None:
        self._resolver = resolver
        self._wire = wire
        self._deadline = deadline
        self._random = random
        self._clock = clock
        self._tracer = tracer
        self._callers: dict[tuple[str, str], Caller] = {}

    async def forward(self, request: Request, claim: Claim) -> Answered[Response]:
        """Raises CallFailed."""
        policy = policy_for(request, claim.route, self._deadline)

        def send(upstream: Upstream, settle: Settle[Response], request: Request = request) -> Exchange:
            return self._wire.start(upstream.instance, request, settle, hold=policy.replayable)

        if self._tracer is not None:
            return await self._caller(claim).call(policy, attempts(self._tracer, request, send))
        return await self._caller(claim).call(policy, send)

    def _caller(self, claim: Claim) -> Caller:
        key = claim.service, claim.route.prefix
        if key not in self._callers:
            pool = self._resolver.follow(claim.service)
            self._callers[key] = Caller(pool, random=self._random, clock=self._clock)
        return self._callers[key]


def policy_for(request: Request, route: Route, deadline: float) -> Policy:
    """What may be done for this request on this route."""
    kept = request.is_repeatable
    replayable = kept and (route.replay_safe or request.method.decode() in IDEMPOTENT)
    return _policy(kept, replayable, replayable and route.replay_safe, route.timeout or deadline)


@lru_cache(maxsize=1024)
def _policy(kept: bool, replayable: bool, hedgeable: bool, deadline: float) -> Policy:
    """A value, of which there are few for many requests."""
    return Policy(kept=kept, replayable=replayable, hedgeable=hedgeable, deadline=deadline)
