"""`mesh`: what can be typed. A user's mistake, or something that is not there, is one line and never a traceback."""

from __future__ import annotations

import os
import sys

import typer

from discovery.errors import DiscoveryError
from mesh.commands.call import call
from mesh.commands.demo import demo
from mesh.commands.down import down
from mesh.commands.drill import drill
from mesh.commands.kill import kill
from mesh.commands.load import load
from mesh.commands.ps import ps
from mesh.commands.restart import restart
from mesh.commands.scale import scale
from mesh.commands.up import up
from mesh.errors import BadInput, MeshError
from mesh.exits import FAILED, INTERRUPTED, USAGE
from mesh.terminal import say_error

COMMANDS = (up, demo, call, ps, kill, restart, scale, load, drill, down)


def application() -> typer.Typer:
    app = typer.Typer(
        name="mesh",
        help="Start a mesh of services that find each other, call it, hurt it, and watch it heal.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for command in COMMANDS:
        app.command()(command)
    return app


def main() -> None:
    """Exit codes: 0, 1 when it did not work, 2 when it was not understood, 130 when interrupted."""
    try:
        application()()
    except BadInput as error:
        say_error(str(error))
        sys.exit(USAGE)
    except (MeshError, DiscoveryError) as error:
        say_error(str(error))
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or flushing at exit would fail again
        sys.exit(FAILED)
