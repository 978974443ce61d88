"""Our own gateway as people run it: a real process, a real registry, and all policies on.

Only the line for each request is off when peers are compared, as it is with all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import version

from benchmarks.peers.peer import Gateway
from benchmarks.stage import Stage
from benchmarks.upstream import Upstream
from benchmarks.workload import READY
from discovery.consul import Consul
from discovery.documents import Registration
from discovery.ports import free_ports
from discovery.settings import ConsulSettings
from mesh import registry


class Ours:
    name = "ours"

    def missing(self) -> str:
        return ""

    def version(self) -> str:
        return f"{version('discovered-mesh')}, uvloop {version('uvloop')}, httptools {version('httptools')}"

    async def start(self, stage: Stage, upstream: Upstream) -> Gateway:
        address = await start_registry(stage)
        async with Consul(ConsulSettings(http_addr=address)) as consul:
            for each in upstream.instances:
                await consul.register(Registration(each, f"http://{each.authority}/livez"))
        port, _, pid = await start_gateway(stage, address, READY, more={"GATEWAY_REQUEST_LOG": "false"})
        return Gateway(self.name, port, pid)


async def start_registry(stage: Stage) -> str:
    """The embedded registry, beside the load: `host:port`."""
    (port,) = free_ports(1)
    argv = registry.command("embedded", port)
    env = registry.environment("embedded", port)
    await stage.start("registry", argv, core=stage.cores.load, port=port, path="/v1/status/leader", env=env)
    return f"127.0.0.1:{port}"


async def start_gateway(
    stage: Stage, consul: str, path: str, *, more: Mapping[str, str] | None = None
) -> tuple[int, int, int]:
    """The public port, the admin port and the process ID of a gateway that serves `path`."""
    port, admin = free_ports(2)
    env = {
        "CONSUL_HTTP_ADDR": consul,
        "SERVICE_ID": "gateway-1",
        "GATEWAY_PORT": str(port),
        "GATEWAY_ADMIN_PORT": str(admin),
        **(more or {}),
    }
    argv = [sys.executable, "-m", "services.gateway"]
    pid = await stage.start("gateway", argv, core=stage.cores.gateway, port=port, path=path, env=env)
    return port, admin, pid
