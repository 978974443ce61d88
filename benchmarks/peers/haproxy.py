"""HAProxy: one thread, connections to instances reused, health checks, retries elsewhere, request IDs."""

from __future__ import annotations

import shutil

from benchmarks.peers.peer import Gateway, first_line
from benchmarks.stage import Stage
from benchmarks.upstream import Upstream
from benchmarks.workload import READY
from discovery.ports import free_ports

CONFIGURATION = """
global
  maxconn 8192
  nbthread 1
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  timeout http-request 10s
  retries 2
  option redispatch 1
  retry-on conn-failure empty-response
  option forwardfor
  http-reuse always
  unique-id-format %[uuid]
  unique-id-header X-Request-ID
frontend public
  bind 127.0.0.1:{port}
  default_backend instances
backend instances
  balance leastconn
  option httpchk GET /livez
"""


class HaProxy:
    name = "haproxy"

    def missing(self) -> str:
        return "" if shutil.which("haproxy") else "package haproxy"

    def version(self) -> str:
        return first_line(["haproxy", "-v"]).removeprefix("HAProxy version ").partition(" ")[0]

    async def start(self, stage: Stage, upstream: Upstream) -> Gateway:
        (port,) = free_ports(1)
        servers = [f"  server {each.id} {each.authority} check inter 1s\n" for each in upstream.instances]
        path = stage.folder / "haproxy.cfg"
        path.write_text(CONFIGURATION.format(port=port) + "".join(servers))
        argv = ["haproxy", "-db", "-f", str(path)]
        pid = await stage.start("haproxy", argv, core=stage.cores.gateway, port=port, path=READY)
        return Gateway(self.name, port, pid)
