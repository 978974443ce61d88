"""What a Python team writes in an afternoon: FastAPI in front, one shared httpx2 client behind."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers.peer import Gateway
from benchmarks.stage import Stage
from benchmarks.upstream import Upstream
from benchmarks.workload import READY
from discovery.ports import free_ports

PROGRAM = Path(__file__).with_name("plain_gateway.py")


class FastApi:
    name = "fastapi"

    def missing(self) -> str:
        return ""

    def version(self) -> str:
        return f"{version('fastapi')} + {version('httpx2')}"

    async def start(self, stage: Stage, upstream: Upstream) -> Gateway:
        (port,) = free_ports(1)
        instances = [f"http://{each.authority}" for each in upstream.instances]
        argv = [sys.executable, str(PROGRAM), str(port), *instances]
        pid = await stage.start("fastapi", argv, core=stage.cores.gateway, port=port, path=READY)
        return Gateway(self.name, port, pid)
