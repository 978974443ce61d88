"""Put the rooms together: settings in, application out."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.types import Lifespan

from services.encrypt.body import BodyLimits
from services.encrypt.derivation import DerivationPool
from services.encrypt.endpoint import Middleware, chain, endpoints
from services.encrypt.kdf import ALLOWED, CURRENT, Derivation
from services.encrypt.keyring import Keyring
from services.encrypt.metrics import Metrics
from services.encrypt.middleware import Limit, reported, to_all, to_log
from services.encrypt.service import PassphraseEncryption
from services.encrypt.settings import EncryptSettings
from services.encrypt.transport import Handlers, create_app, longest_body

if TYPE_CHECKING:
    from services.encrypt.faults import Faults

log = logging.getLogger("services.encrypt")


def build(settings: EncryptSettings, derivations: Mapping[int, Derivation] = ALLOWED) -> FastAPI:
    """The application. `derivations` is by the number in a message; tests pass cheap ones."""
    pool = DerivationPool(workers=settings.kdf_concurrency, queue=settings.kdf_queue, clock=time.perf_counter)
    lifetime = settings.cache_minutes * 60
    keyring = _keyring(settings, pool, derivations, lifetime)
    service = PassphraseEncryption(keyring, text_bytes=settings.text_bytes, random=secrets.token_bytes)
    metrics = Metrics(pool, keyring)
    sink = to_all(metrics.count, to_log(log))
    limits = BodyLimits(longest_body(settings.text_bytes), settings.body_seconds)
    limit, faults = Limit(settings.in_flight), _faults(settings)
    inner = chain(faults, limit) if faults else limit

    def wrapped(operation: str) -> Middleware:
        return chain(reported(operation, sink, time.perf_counter), inner)

    handlers = Handlers(endpoints(service, wrapped), sink=sink, limits=limits, clock=time.perf_counter)
    app = create_app(handlers, metrics=metrics.page, lifespan=_swept(keyring, pool, lifetime / 10), log=log)
    if faults:
        faults.attach(app, limits)
    return app


def _keyring(
    settings: EncryptSettings, pool: DerivationPool, derivations: Mapping[int, Derivation], lifetime: float
) -> Keyring:
    return Keyring(
        pool,
        derivations=derivations,
        current=CURRENT,
        capacity=settings.cache_entries,
        lifetime=lifetime,
        clock=time.monotonic,
        random=secrets.token_bytes,
    )


def _faults(settings: EncryptSettings) -> Faults | None:
    """Only a process that was started for drills has this code in the path of a request, or loads it at all."""
    if not settings.faults:
        return None
    from services.encrypt.faults import Faults

    log.warning("drill: PUT /faults can hurt this instance")
    return Faults(asyncio.sleep)


def _swept(keyring: Keyring, pool: DerivationPool, seconds: float) -> Lifespan[FastAPI]:
    """Forget keys in time also when nobody asks, and let the threads go at the end."""

    async def sweep() -> None:
        while True:
            await asyncio.sleep(min(seconds, 5.0))
            keyring.sweep()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            pool.close()

    return lifespan
