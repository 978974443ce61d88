"""Put the gateway together and run it: two listeners, one resolver, one registration."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
import time
from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Literal

import uvicorn
from prometheus_client import ProcessCollector

from discovery.addresses import Forbidden, is_loopback
from discovery.consul import Consul
from discovery.documents import Registration
from discovery.instance import Instance, authority
from discovery.journal import Journal
from discovery.last_known import LastKnown
from discovery.listening import default_id, instance_of
from discovery.pool import Pool
from discovery.probe import Probe
from discovery.registration import Registrar
from discovery.resolver import Resolver
from discovery.retry import Terms
from discovery.server import KEEP_ALIVE, Server, companion
from discovery.settings import ConsulSettings, ServiceSettings
from discovery.sockets import advertised, bind, is_unspecified
from discovery.tracing.provider import tracer_provider
from discovery.tracing.settings import TracingSettings
from services.gateway.app import admin_app
from services.gateway.forward import Forwarder
from services.gateway.forwarded import TrustedProxies
from services.gateway.listener import Listener
from services.gateway.metrics import Metrics, PoolCollector
from services.gateway.outages import Outages
from services.gateway.proxy import Proxy
from services.gateway.request_log import RequestLog
from services.gateway.routes import RouteTable
from services.gateway.settings import GatewaySettings
from services.gateway.sweeping import sweep
from services.gateway.traced_proxy import TracedProxy
from services.gateway.wire import Wire

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """The two bound sockets, and the instance that the registry is told of."""

    public: socket.socket
    admin: socket.socket
    instance: Instance
    admin_host: str
    admin_port: int

    @property
    def check_url(self) -> str:
        """Where the registry asks. Its agent names this host in `Host`, so the admin listener must answer to it: as an
        address, it is none that a web page could get at by DNS rebinding."""
        return f"http://{authority(self.admin_host, self.admin_port)}/livez"


async def run(
    settings: GatewaySettings,
    service: ServiceSettings,
    consul_settings: ConsulSettings,
    terms: Terms,
    tracing: TracingSettings,
) -> None:
    """Serve until a signal ends it. Raises ListenError, SettingsError."""
    place = take_place(settings, service, consul_settings)
    metrics = Metrics()
    journal = Journal(on_event=Outages(metrics.registry).take)
    table = RouteTable(journal)
    async with AsyncExitStack() as stack:
        provider = stack.enter_context(tracer_provider(tracing, place.instance))
        tracer = provider.get_tracer("services.gateway") if provider else None
        consul = await stack.enter_async_context(Consul(consul_settings))
        never = forbidden(settings, place, consul_settings, consul.places)
        itself, probe = Probe(), Probe(never)
        stack.push_async_callback(itself.aclose)
        stack.push_async_callback(probe.aclose)
        wire = Wire(time.monotonic, never)
        stack.push_async_callback(wire.aclose)
        memory = LastKnown(settings.last_known) if settings.last_known else None
        if memory:
            stack.push_async_callback(memory.aclose)

        def learn(pool: Pool) -> None:
            table.update(pool)
            if memory:
                memory.note(pool)

        resolver = await stack.enter_async_context(
            Resolver(
                consul,
                probe,
                journal=journal,
                clock=time.monotonic,
                random=Random(),
                forbidden=never,
                on_snapshot=learn,
            )
        )
        if memory:
            resolver.recall(memory.recall())
        resolver.follow_routed()
        metrics.registry.register(PoolCollector(resolver, time.monotonic))
        ProcessCollector(registry=metrics.registry)
        forwarder = Forwarder(
            resolver,
            wire,
            deadline=settings.deadline,
            random=Random(),
            clock=time.monotonic,
            terms=terms,
            tracer=tracer,
        )
        request_log = RequestLog(sys.stderr, time.time) if settings.request_log else None
        if request_log:
            stack.callback(request_log.flush)
        serving = partial(TracedProxy, tracer=tracer) if tracer else Proxy
        proxy = serving(
            table,
            forwarder,
            metrics,
            body_limit=settings.body_limit,
            connection_limit=settings.connection_limit,
            request_log=request_log,
            proxies=TrustedProxies(settings.trusted_proxies),
            knows_routes=lambda: resolver.has_learnt,
        )

        async def is_alive(other: Instance) -> bool:
            """Another gateway with our ID: where it says that it listens, and not where only we would answer."""
            admin = other.meta.get("admin")
            return admin != place.instance.meta["admin"] and await itself.is_live(f"http://{admin}/livez")

        registration = Registration(place.instance, place.check_url)
        registrar = Registrar(
            consul,
            registration,
            probe=partial(itself.is_live, place.check_url),
            is_alive=is_alive,
            random=Random(),
        )
        public = configuration(proxy, http=Listener, drain=max(1, round(service.drain)))

        def leave() -> None:
            proxy.leave()
            journal.record("gateway_leaving", service="gateway", instance=place.instance.id)

        server = Server(public, registrar, linger=service.linger, on_leaving=leave)
        admin = admin_app(
            resolver,
            table,
            journal,
            metrics,
            clock=time.monotonic,
            is_leaving=lambda: proxy.is_leaving,
            names=[place.admin_host, *settings.admin_names],
        )
        await stack.enter_async_context(companion(configuration(admin, drain=1), place.admin))
        sweeping = asyncio.create_task(sweep(wire, server), name="sweep")
        stack.push_async_callback(ended, sweeping)
        keep_collections_short()
        await server.serve([place.public])


def keep_collections_short() -> None:
    """What exists before the first request stays to the end: no full collection need look at it again, for 30 ms."""
    gc.collect()
    gc.freeze()


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def take_place(settings: GatewaySettings, service: ServiceSettings, consul: ConsulSettings) -> Place:
    """Bind both ports and settle who we are. Raises ListenError, SettingsError."""
    public = bind(settings.host, settings.port, shared=settings.shared)
    admin = bind(settings.admin_host, settings.admin_port)
    registry = consul.host, consul.port
    admin_port = admin.getsockname()[1]
    address, port = advertised(service.advertise, settings.host, public.getsockname()[1], registry=registry)
    admin_host, _ = advertised(None, settings.admin_host, admin_port, registry=registry)
    own_port = admin_port if settings.shared else port  # several have the shared one, and one ID is one entry
    instance_id = service.id or default_id("gateway", settings.host, service.advertise, address, own_port)
    instance = instance_of(
        "gateway",
        instance_id,
        address,
        port,
        routes=(),
        version=service.version,
        more={"admin": authority(admin_host, admin_port)},
    )
    return Place(public, admin, instance, admin_host, admin_port)


def forbidden(
    settings: GatewaySettings, place: Place, consul: ConsulSettings, registry: Collection[tuple[str, int]] = ()
) -> Forbidden:
    """What the gateway never calls: itself, and the registry, whose addresses come to be known while it is asked."""
    own = {(consul.host, consul.port), (place.instance.address, place.instance.port)}
    for host, listening in ((settings.host, place.public), (settings.admin_host, place.admin)):
        own.add(("" if is_unspecified(host) else host, listening.getsockname()[1]))
    return Forbidden(loopback=not is_loopback(consul.host), own=frozenset(own), registry=registry)


def configuration(
    app: Any, *, http: type[asyncio.Protocol] | Literal["httptools"] = "httptools", drain: int = 20
) -> uvicorn.Config:
    """uvicorn for either listener. `drain`: seconds that requests in flight may take at the end."""
    return uvicorn.Config(
        app,
        http=http,
        interface="asgi3",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=drain,
    )
