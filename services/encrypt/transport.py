"""HTTP and JSON: a request becomes a typed call of an endpoint, its response becomes JSON again."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from functools import partial

from fastapi import FastAPI, Request, Response
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import Lifespan

from services.encrypt.abandoned import unless_abandoned
from services.encrypt.body import BodyLimits, read
from services.encrypt.containment import Containment
from services.encrypt.documents import (
    COMMON,
    UNDECIPHERABLE,
    UNUSABLE,
    DecryptBody,
    Decrypted,
    EncryptBody,
    Encrypted,
    answers,
    takes,
)
from services.encrypt.endpoint import Context, DecryptRequest, EncryptRequest, Endpoints
from services.encrypt.middleware import Report, Sink
from services.encrypt.problems import NO_STORE, WRONG, problem, translate_errors
from services.encrypt.refused import Abandoned, Refused
from services.encrypt.service import KEY_CHARACTERS
from services.encrypt.strict_json import Model

REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context, version 00

TRACES: TelemetryConfig = {
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
    "exclude": lambda scope: scope["path"] == "/metrics",
}
"""FastAPI's own, one span for each call, where `serve` was told of a collector; who watches is no caller."""


def context_of(headers: Mapping[str, str]) -> Context:
    """What the caller says of itself, where it has the form that it should have: safe to log."""
    request_id, traceparent = headers.get("x-request-id", ""), headers.get("traceparent", "")
    return Context(
        request_id if REQUEST_ID.fullmatch(request_id) else "",
        traceparent if TRACEPARENT.fullmatch(traceparent) else "",
    )


def longest_body(text_bytes: int) -> int:
    """What the longest text and key can take in JSON: 6 bytes for each byte of text (`\\u0001`), 12 for each
    character of the key (a pair of surrogates), and room for the rest."""
    return 6 * text_bytes + 12 * KEY_CHARACTERS + 1024


class Handlers:
    """One handler for each operation: decode, call, encode."""

    def __init__(self, endpoints: Endpoints, *, sink: Sink, limits: BodyLimits, clock: Callable[[], float]) -> None:
        self._endpoints = endpoints
        self._sink = sink
        self._limits = limits
        self._clock = clock

    async def encrypt(self, request: Request) -> Response:
        """Seal a text under a key."""
        context = context_of(request.headers)
        body = await self._body("encrypt", context, request, EncryptBody)
        work = self._endpoints.encrypt(context, EncryptRequest(text=body.text, key=body.key))
        response = await unless_abandoned(request.receive, work)
        return _json(Encrypted(message=response.message))

    async def decrypt(self, request: Request) -> Response:
        """Open a message. Damaged or forged, foreign, or under another key: one and the same 422."""
        context = context_of(request.headers)
        body = await self._body("decrypt", context, request, DecryptBody)
        work = self._endpoints.decrypt(context, DecryptRequest(message=body.message, key=body.key))
        response = await unless_abandoned(request.receive, work)
        return _json(Decrypted(text=response.text))

    async def _body(self, operation: str, context: Context, request: Request, model: type[Model]) -> Model:
        """The endpoint never sees a request that cannot be decoded, so its report is made here."""
        started = self._clock()
        try:
            return await read(request, model, self._limits)
        except (Refused, Abandoned) as error:
            self._sink(Report(operation, error.outcome, self._clock() - started, context))
            raise


def _json(document: BaseModel) -> Response:
    return JSONResponse(document.model_dump(), headers=NO_STORE)


def create_app(
    handlers: Handlers, *, metrics: Callable[[], bytes], lifespan: Lifespan[FastAPI], log: logging.Logger
) -> FastAPI:
    """The application: two operations, their metrics, and `/docs`."""
    app = FastAPI(
        title="encrypt",
        summary="Seal a text under a key that a person types, and open it again.",
        version="1",
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
        telemetry=TRACES,
    )
    translate_errors(app)
    app.add_middleware(Containment, answer=partial(problem, 500, WRONG), log=log)
    post = partial(app.add_api_route, methods=["POST"], response_class=JSONResponse, response_model=None)
    post(
        "/encrypt", handlers.encrypt, openapi_extra=takes(EncryptBody), responses=answers(Encrypted, *COMMON, UNUSABLE)
    )
    post(
        "/decrypt",
        handlers.decrypt,
        openapi_extra=takes(DecryptBody),
        responses=answers(Decrypted, *COMMON, UNDECIPHERABLE),
    )

    async def scrape() -> Response:
        """Metrics for Prometheus."""
        return Response(metrics(), media_type=CONTENT_TYPE_LATEST, headers=NO_STORE)

    app.add_api_route("/metrics", scrape, response_class=PlainTextResponse)
    return app
