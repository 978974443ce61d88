"""`serve`: run an application as an instance that everyone finds."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from random import Random

import uvicorn
import uvloop
from pydantic_settings import BaseSettings

from discovery import logs
from discovery.addresses import Forbidden
from discovery.consul import Consul
from discovery.documents import Registration
from discovery.errors import DiscoveryError
from discovery.health import Application, HealthEndpoints
from discovery.identity import identity_header
from discovery.listening import Listening, listen
from discovery.probe import Probe
from discovery.registration import Registrar
from discovery.server import KEEP_ALIVE, Server, signals_end_the_process
from discovery.settings import CallSettings, ConsulSettings, ServiceSettings, load, misspelt
from discovery.tracing.provider import tracing_everywhere
from discovery.tracing.settings import TracingSettings

log = logging.getLogger(__name__)


def serve(
    app: Application,
    *,
    service: str,
    routes: Sequence[str] = (),
    host: str | None = None,
    port: int | None = None,
    id: str | None = None,  # noqa: A002 (the contract's name)
    advertise: str | None = None,
) -> None:
    """Serve `app` as an instance of `service` until SIGTERM or SIGINT; what is None comes from `SERVICE_…`.

    `routes` are what a gateway may forward here, each `/path` with options, as in `/hello replay=safe`.
    Adds `/livez` and `/readyz` where the application has none, and OpenTelemetry's global tracer provider where the
    environment names a collector. Exits with 1 and one line when it cannot start.
    """
    if not logging.getLogger().handlers:
        logs.configure()
    try:
        said = {"host": host, "port": port, "id": id, "advertise": advertise}
        settings = load(ServiceSettings, **{name: value for name, value in said.items() if value is not None})
        consul, tracing = load(ConsulSettings), load(TracingSettings)
        warn_of_misspelt_variables([ServiceSettings, CallSettings])
        with signals_end_the_process():
            listening = listen(service, routes, settings, consul)
            runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
            with tracing_everywhere(tracing, listening.instance), runner:
                runner.run(_serve(HealthEndpoints(app), listening, settings, consul))
    except DiscoveryError as error:
        sys.exit(f"{service}: {error}")


def configuration(app: Application, listening: Listening, settings: ServiceSettings) -> uvicorn.Config:
    """uvicorn, as an instance wants it: it says who answers, and outlives its callers' idle connections."""
    instance = listening.instance
    return uvicorn.Config(
        app,
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, round(settings.drain)),
        headers=[identity_header(instance.id, instance.boot_id)],
    )


async def _serve(
    app: HealthEndpoints, listening: Listening, settings: ServiceSettings, consul_settings: ConsulSettings
) -> None:
    instance = listening.instance
    itself, others = Probe(), Probe(Forbidden())
    async with Consul(consul_settings) as consul:
        registration = Registration(instance, f"http://{instance.authority}/livez")
        registrar = Registrar(
            consul,
            registration,
            probe=partial(itself.answers, instance),
            is_alive=others.answers,
            random=Random(),
        )
        config = configuration(app, listening, settings)
        server = Server(config, registrar, linger=settings.linger, on_leaving=app.leave)
        log.info("serving", extra={"instance": instance.id, "address": instance.authority})
        await server.serve([listening.socket])
    await itself.aclose()
    await others.aclose()


def warn_of_misspelt_variables(settings: Iterable[type[BaseSettings]]) -> None:
    for name, meant in misspelt(os.environ, settings).items():
        log.warning("no such setting", extra={"variable": name, "meant": meant or None})
