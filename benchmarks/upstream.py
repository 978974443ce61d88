"""The upstream, the same for every gateway: three instances, as cheap as there is, so that it is never the limit.

One nginx process that answers on three ports from memory. Each port says who it is, as our own services do: our
gateway checks that and takes it off; to the others it is one more field of 30 bytes.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from random import SystemRandom

from benchmarks.stage import Stage
from benchmarks.workload import LARGE, MEBIBYTE, READY, SINK, SMALL
from discovery.identity import identity_header
from discovery.instance import Instance
from discovery.ports import free_ports
from discovery.registration import new_boot_id

SERVICE = "bench"
INSTANCES = 3

USER = "user root;" if os.name == "posix" and os.geteuid() == 0 else ""
"""Where root starts it, the worker stays root: it must read a folder that is ours alone."""

CONFIGURATION = """
daemon off; master_process off; worker_processes 1; {user}
pid {folder}/upstream.pid; error_log stderr;
events {{ worker_connections 8192; }}
http {{
  access_log off; default_type application/json; sendfile on; tcp_nodelay on;
  keepalive_requests 1000000000; client_max_body_size 0; client_body_buffer_size 64k;
  client_body_temp_path {folder}/upstream-body; proxy_temp_path {folder}/upstream-proxy;
  fastcgi_temp_path {folder}/upstream-fastcgi; uwsgi_temp_path {folder}/upstream-uwsgi;
  scgi_temp_path {folder}/upstream-scgi;
  server {{ listen unix:{folder}/answer.sock; location / {{ return 200 '{small}'; }} }}
  {servers}
}}
"""
# `return` answers before the body is read; the sink reads all of it first, by asking somebody else afterwards.
SERVER = """
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    add_header {name} "{value}";
    location = {large} {{ alias {folder}/large; }}
    location = {sink} {{
      client_body_buffer_size 2m;
      proxy_pass_request_body off; proxy_set_header Content-Length "";
      proxy_pass http://unix:{folder}/answer.sock;
    }}
    location / {{ return 200 '{small}'; }}
  }}
"""


@dataclass(frozen=True, slots=True)
class Upstream:
    pid: int
    instances: tuple[Instance, ...]

    @property
    def ports(self) -> list[int]:
        return [each.port for each in self.instances]


async def start_upstream(stage: Stage) -> Upstream:
    """Raises CannotMeasure."""
    instances = tuple(_instance(number, port) for number, port in enumerate(free_ports(INSTANCES), start=1))
    (stage.folder / "large").write_bytes(b"x" * MEBIBYTE)
    path = stage.folder / "upstream.conf"
    path.write_text(_configuration(str(stage.folder), instances))
    argv = ["nginx", "-e", "stderr", "-p", str(stage.folder), "-c", str(path)]
    pid = await stage.start("upstream", argv, core=stage.cores.load, port=instances[0].port, path=READY)
    return Upstream(pid, instances)


def _instance(number: int, port: int) -> Instance:
    return Instance(
        f"{SERVICE}-{number}",
        SERVICE,
        "127.0.0.1",
        port,
        tags=("urlprefix-/bench replay=safe",),
        meta={"boot_id": new_boot_id(time.time(), SystemRandom())},
    )


def _configuration(folder: str, instances: tuple[Instance, ...]) -> str:
    servers, small = [], SMALL.decode()
    for each in instances:
        name, value = identity_header(each.id, each.boot_id)
        servers.append(
            SERVER.format(port=each.port, name=name, value=value, large=LARGE, sink=SINK, folder=folder, small=small)
        )
    return CONFIGURATION.format(user=USER, folder=folder, small=small, servers="".join(servers))
