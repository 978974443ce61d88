"""The front door: learns routes and instances from Consul while it runs, and knows no address."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from discovery import logs
from discovery.errors import DiscoveryError
from discovery.server import signals_end_the_process
from discovery.serving import warn_of_misspelt_variables
from discovery.settings import ConsulSettings, ServiceSettings, load
from discovery.tracing.settings import TracingSettings
from services.gateway.assembly import run
from services.gateway.settings import GatewaySettings


def main() -> None:
    logs.configure()
    try:
        settings, service, consul = load(GatewaySettings), load(ServiceSettings), load(ConsulSettings)
        warn_of_misspelt_variables([GatewaySettings, ServiceSettings])
        with signals_end_the_process(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings, service, consul, load(TracingSettings)))
    except DiscoveryError as error:
        sys.exit(f"gateway: {error}")


if __name__ == "__main__":
    main()
