"""Two gateways in Go, built here from `peers/go/`: the standard library's, and one as go-kit's users write it."""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from benchmarks.cores import CannotMeasure
from benchmarks.peers.peer import Gateway, first_line
from benchmarks.stage import Stage, environment
from benchmarks.upstream import Upstream
from benchmarks.workload import READY
from discovery.ports import free_ports

SOURCES = Path(__file__).with_name("go")
GOPATH = Path("/usr/share/gocode")
"""Where Debian installs Go libraries."""

GO_KIT = GOPATH / "src/github.com/go-kit/kit/sd/lb"


class ReverseProxy:
    """`httputil.ReverseProxy`, round robin, with a pool that is as large as the load."""

    name = "reverseproxy"

    def missing(self) -> str:
        return "" if shutil.which("go") else "package golang-go"

    def version(self) -> str:
        return first_line(["go", "version"]).removeprefix("go version ").partition(" ")[0]

    async def start(self, stage: Stage, upstream: Upstream) -> Gateway:
        (port,) = free_ports(1)
        binary = await _built(self.name, stage.folder)
        argv = [str(binary), f"127.0.0.1:{port}", *(each.authority for each in upstream.instances)]
        pid = await stage.start(self.name, argv, core=stage.cores.gateway, port=port, path=READY)
        return Gateway(self.name, port, pid)


class GoKit(ReverseProxy):
    """`sd.FixedEndpointer`, `lb.NewRoundRobin` and `lb.Retry` between go-kit's HTTP server and client."""

    name = "go-kit"

    def missing(self) -> str:
        found = super().missing()
        return found or ("" if GO_KIT.is_dir() else "package golang-github-go-kit-kit-dev")

    def version(self) -> str:
        packaged = first_line(["dpkg-query", "--show", "--showformat=${Version}", "golang-github-go-kit-kit-dev"])
        return f"{packaged}, {super().version()}"


async def _built(program: str, folder: Path) -> Path:
    """The path of the binary. The first build takes a minute, as Go compiles its own library. Raises CannotMeasure."""
    binary = folder / program
    process = await asyncio.create_subprocess_exec(
        *("go", "build", "-o", str(binary), "."),
        cwd=SOURCES / program,
        env={**environment(), "GO111MODULE": "off", "GOPATH": str(GOPATH), "GOFLAGS": ""},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        _, complained = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise CannotMeasure(f"{program} cannot be built: {complained.decode(errors='replace')[-2000:]}")
    return binary
