"""Before an instance serves: its port, its address for others, and who it is."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import SystemRandom

from discovery.errors import DiscoveryError, RouteError, SettingsError
from discovery.instance import NAME, Instance
from discovery.registration import new_boot_id
from discovery.settings import ConsulSettings, ServiceSettings
from discovery.sockets import advertised, bind, is_unspecified
from discovery.tags import PREFIX, route


@dataclass(frozen=True, slots=True)
class Listening:
    """A bound socket and the instance that will answer on it."""

    socket: socket.socket
    instance: Instance


def listen(service: str, routes: Sequence[str], settings: ServiceSettings, consul: ConsulSettings) -> Listening:
    """Bind the port and settle who we are. Raises ListenError, SettingsError, RouteError."""
    bound = bind(settings.host, settings.port)
    port = int(bound.getsockname()[1])
    try:
        address, outer_port = advertised(settings.advertise, settings.host, port, registry=(consul.host, consul.port))
        instance_id = settings.id or default_id(service, settings.host, settings.advertise, address, outer_port)
        return Listening(
            bound, instance_of(service, instance_id, address, outer_port, routes, version=settings.version)
        )
    except DiscoveryError:
        bound.close()
        raise


def default_id(service: str, host: str, advertise: str | None, address: str, port: int) -> str:
    """`<service>-<host>-<port>`.

    Who listens everywhere is named after the machine: a container that is started again may get another address, but
    keeps its name, so it is the same instance, and not a new one beside a ghost.
    """
    name = socket.gethostname() if is_unspecified(host) and not advertise else address
    return f"{service}-{name}-{port}".replace(":", "-")


def instance_of(
    service: str,
    instance_id: str,
    address: str,
    port: int,
    routes: Sequence[str],
    *,
    version: str,
    more: Mapping[str, str] | None = None,
) -> Instance:
    """This process as an instance.

    Raises SettingsError for names that would break a URL or a header, RouteError for what no gateway would understand.
    """
    for name in (service, instance_id):
        if not NAME.fullmatch(name):
            raise SettingsError(f"{name!r} is no name for a service or an instance: use letters, digits, . _ -")
    meta = {
        "version": version,
        "pid": str(os.getpid()),
        "host": socket.gethostname(),
        "boot_id": new_boot_id(time.time(), SystemRandom()),
        **(more or {}),
    }
    return Instance(instance_id, service, address, port, tuple(map(_tag, routes)), meta)


def _tag(said: str) -> str:
    tag = PREFIX + said
    try:
        route(tag)
    except RouteError as error:
        raise RouteError(f"{said!r} is no route: {error}") from error
    return tag
