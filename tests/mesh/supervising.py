"""A supervisor to be killed: `python -m tests.mesh.supervising DIRECTORY` says which processes and ports it starts."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from mesh.keeper import Event
from mesh.ports import free_port
from mesh.supervisor import Supervisor
from tests.mesh.programs import DEAF, LISTENER, SLEEPER, program


async def main(directory: Path) -> None:
    supervisor = Supervisor(directory, tell)
    supervisor.add(program(LISTENER, instance="listener-1", port=free_port(), variable="PORT"))
    supervisor.add(program(SLEEPER, instance="sleeper-1"))
    supervisor.add(program(DEAF, instance="deaf-1"))
    await asyncio.Event().wait()


def tell(event: Event) -> None:
    sys.stdout.write(f"{event.detail}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
