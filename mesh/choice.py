"""Which registry a mesh uses: one that runs already, or one of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic

from discovery.consul import Consul
from discovery.errors import DiscoveryError, RegistryError, RegistryRefused
from mesh import registry, settings
from mesh.errors import BadInput, NoRegistry, PortTaken
from mesh.ports import free_port, is_free

CONSUL_PORT = 8500

ANSWERS_WITHIN = 1.0
"""Seconds in which an agent says that it is there; one on this machine takes a few milliseconds."""

PATIENCE = 5.0
"""Seconds to wait for one that was named: it may just be starting."""


@dataclass(frozen=True, slots=True)
class Choice:
    """`own` is what to start at `address`; None if somebody else runs it."""

    address: str
    own: registry.Kind | None

    @property
    def port(self) -> int:
        return settings.consul_settings(self.address, ours=self.own is not None).port


async def choose(
    wanted: str, *, port: int | None, environment: str | None, binary: str | None, patience: float = PATIENCE
) -> Choice:
    """From `auto`, `binary`, `embedded` or `HOST:PORT` to a registry, of our own at `port`.

    `auto` takes the first there is: the one that the `environment` names, an agent at `port`, a Consul `binary`, the
    embedded one. With no port any free one is taken, so that there is no agent to be found. Raises BadInput,
    NoRegistry, PortTaken.
    """
    if wanted == "binary" and binary is None:
        raise NoRegistry("there is no consul binary on PATH; --consul embedded needs none")
    if wanted in ("binary", "embedded"):
        return _own("consul" if wanted == "binary" else "embedded", port)
    if wanted != "auto":
        return await _external(wanted, "--consul", patience)
    if environment is not None:
        return await _external(environment, "CONSUL_HTTP_ADDR", patience)
    if port is not None and await _is_an_agent(f"127.0.0.1:{port}"):
        return Choice(f"127.0.0.1:{port}", own=None)
    return _own("embedded" if binary is None else "consul", port)


async def choose_here(wanted: str, *, port: int | None) -> Choice:
    """By our own environment and PATH."""
    return await choose(
        wanted, port=port, environment=settings.consul_in_environment(), binary=registry.consul_binary()
    )


def _own(kind: registry.Kind, port: int | None) -> Choice:
    if port is not None and not is_free(port):
        raise PortTaken(
            f"port {port} is in use: --consul 127.0.0.1:{port} uses a registry that runs there, "
            "--consul-port takes another port for our own"
        )
    return Choice(f"127.0.0.1:{port or free_port()}", own=kind)


async def _external(address: str, said_by: str, patience: float) -> Choice:
    try:
        settings.consul_settings(address, ours=False)
    except DiscoveryError as error:
        raise BadInput(f"{said_by}: auto, binary, embedded or HOST:PORT is expected, not {address[:80]!a}") from error
    deadline = monotonic() + patience
    while not await _is_an_agent(address):
        if monotonic() > deadline:
            raise NoRegistry(f"no Consul agent answers at {address} (from {said_by})")
        await asyncio.sleep(0.1)
    return Choice(address, own=None)


async def _is_an_agent(address: str) -> bool:
    """Whether Consul's API answers there and knows a leader, by the TLS and token settings of the environment."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN), Consul(settings.consul_settings(address, ours=False)) as consul:
            await consul.services()
    except RegistryRefused as error:
        raise NoRegistry(f"the Consul agent at {address} refuses us: {error}; see CONSUL_HTTP_TOKEN") from error
    except (RegistryError, TimeoutError):
        return False
    return True
