"""`python -m discovery.devagent`: the embedded registry, in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import time
import uuid
from random import Random

import uvloop

from discovery import logs
from discovery.devagent.agent import Agent
from discovery.devagent.api import routes
from discovery.devagent.asgi import Application
from discovery.devagent.catalog import Catalog
from discovery.devagent.checks import Checks
from discovery.devagent.entries import Node
from discovery.devagent.page import pages
from discovery.devagent.probes import probe
from discovery.devagent.server import Server, configuration
from discovery.devagent.settings import DevagentSettings, warn_of_misspelt_variables
from discovery.devagent.watches import Watches
from discovery.errors import DiscoveryError
from discovery.instance import authority
from discovery.server import signals_end_the_process
from discovery.settings import load
from discovery.sockets import bind

log = logging.getLogger("discovery.devagent")
VERSION = "1.8.7-devagent"
"""The Consul whose answers these are, and that it is not that Consul."""


def main() -> None:
    """Exits with 1 and one line when it cannot start."""
    logs.configure()
    try:
        settings = load(DevagentSettings)
        warn_of_misspelt_variables()
        with signals_end_the_process():
            listening = bind(settings.host, settings.port)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve(listening))
    except DiscoveryError as error:
        sys.exit(f"devagent: {error}")


async def serve(listening: socket.socket) -> None:
    """Serve on a bound socket until the process is told to end."""
    host, port = listening.getsockname()[:2]
    node = Node(socket.gethostname(), str(uuid.uuid4()), host, port, VERSION)
    random, watches = Random(), Watches()
    catalog = Catalog(node, clock=time.monotonic, random=random.random, ring=watches.ring)
    checks = Checks(probe, catalog.report, random=random.random)
    agent = Agent(catalog, checks, watches, random=random.random)
    log.info("embedded registry, for this machine only", extra={"url": f"http://{authority(host, port)}/ui/"})
    await Server(configuration(Application([*routes(agent), *pages(agent)])), agent).serve([listening])


if __name__ == "__main__":
    main()
