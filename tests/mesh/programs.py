"""Tiny programs to be supervised. They start fast: no site packages, nothing imported that is not needed."""

from __future__ import annotations

import os
import sys

from mesh.program import SERVICE, Program

SLEEPER = "import time; time.sleep(3600)"

FAILING = "raise SystemExit(3)"

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(3600)
"""

LISTENER = """
import os, socket
with socket.create_server(("127.0.0.1", int(os.environ["PORT"]))) as listening:
    print("listening", flush=True)
    while True:
        listening.accept()[0].close()
"""

TELLS_WHEN_IT_ENDS = """
import signal, sys, time
def leave(*_):
    with open(sys.argv[1], "a") as book:
        book.write(sys.argv[2] + "\\n")
    raise SystemExit
signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
time.sleep(3600)
"""


def program(
    code: str,
    *arguments: str,
    instance: str = "tiny-1",
    port: int = 0,
    rank: int = SERVICE,
    variable: str | None = None,
) -> Program:
    return Program(
        id=instance,
        service=instance.partition("-")[0],
        argv=(sys.executable, "-I", "-S", "-c", code, *arguments),
        port=port,
        rank=rank,
        env=dict(os.environ),
        port_variable=variable,
    )
