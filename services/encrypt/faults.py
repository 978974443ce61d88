"""Faults on command, for drills: this instance can be made sick, slow or flaky over its own port.

Nothing of this exists in a process that was not started with `ENCRYPT_FAULTS=1`, and no route leads here.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from pydantic import Field
from starlette.responses import JSONResponse

from services.encrypt.body import BodyLimits, read
from services.encrypt.documents import Document, answers, takes
from services.encrypt.endpoint import Context, Endpoint, Response
from services.encrypt.endpoint import Request as Asked
from services.encrypt.errors import Broken

log = logging.getLogger(__name__)


class Condition(Document):
    """What is wrong with this instance; a field that is left out is in order."""

    sick: bool = Field(default=False, description="answer 500 to everything")
    slow_ms: int = Field(default=0, ge=0, le=600_000, description="wait so long before each answer")
    flaky_every: int = Field(default=0, ge=0, le=1_000_000, description="every n-th answer is a 500; 0: none")


class Faults:
    """Middleware that behaves as its condition says. `sleep` takes seconds."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._sleep = sleep
        self._calls = 0
        self.condition = Condition()

    def __call__(self, following: Endpoint[Asked, Response], /) -> Endpoint[Asked, Response]:
        async def call(context: Context, request: Asked) -> Response:
            if self.condition.slow_ms:
                await self._sleep(self.condition.slow_ms / 1000)
            if self.condition.sick or self._is_the_nth():
                raise Broken("a drill")
            return await following(context, request)

        return call

    def become(self, condition: Condition) -> None:
        self.condition = condition
        self._calls = 0
        log.warning("drill", extra=condition.model_dump())

    def attach(self, app: FastAPI, limits: BodyLimits) -> None:
        """Add `PUT /faults` to `app`; these requests themselves are always answered well."""

        async def put_faults(request: Request) -> JSONResponse:
            """Hurt this instance, or heal it with `{}`."""
            self.become(await read(request, Condition, limits))
            return JSONResponse(self.condition.model_dump())

        app.put("/faults", openapi_extra=takes(Condition), responses=answers(Condition))(put_faults)

    def _is_the_nth(self) -> bool:
        self._calls += 1
        every = self.condition.flaky_every
        return bool(every) and self._calls % every == 0
