"""What is typed by mistake gets one line and an exit code, and never a traceback."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mesh.ports import free_port
from tests.mesh.typed import Shell

NOBODY = f"127.0.0.1:{free_port()}"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, CONSUL_HTTP_ADDR=NOBODY, GATEWAY_PORT=str(free_port()))


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        ("down", 1, "no mesh is running; mesh up starts one"),
        ("down --gateway-port 4711", 1, "no mesh with gateway port 4711 is running"),
        ("restart encrypt-1", 1, "no mesh is running"),
        ("ps", 1, "no registry answers at " + NOBODY),
        ("ps --consul host:port", 1, "CONSUL_HTTP_ADDR"),
        ("kill encrypt-1", 1, "Consul cannot be asked"),
        ("kill ../../etc/passwd", 2, "is no ID"),
        ("kill encrypt-1 --signal NONSENSE", 2, "NONSENSE"),
        ("call hello", 1, "no gateway answers"),
        ("call encrypt --data {}", 2, "process lists"),
        ("call hello --data @/nowhere/at/all", 2, "No such file"),
        ("load --seconds 0.1", 1, "no gateway answers"),
        ("load --path nonsense", 2, "a path begins with /"),
        ("up --consul " + NOBODY, 1, "no Consul agent answers at " + NOBODY),
        ("up --consul nonsense:x", 2, "auto, binary, embedded or HOST:PORT"),
        ("up --encrypt 1000", 2, "less than or equal to 64"),
        ("up --gateways 0", 2, "greater than or equal to 1"),
        ("up --detach --consul nonsense:x", 1, "auto, binary, embedded or HOST:PORT"),
    ],
)
async def test_a_mistake_is_one_clear_line(shell: Shell, typed: str, code: int, said: str) -> None:
    found = await shell.type(*typed.split(" "))
    assert (found.code, found.out) == (code, "")
    assert said in " ".join(found.err.replace("│", " ").split())
    assert "Traceback" not in found.err


async def test_a_setting_that_cannot_be_understood_is_named(tmp_path: Path) -> None:
    found = await Shell(tmp_path, GATEWAY_PORT="many").type("up")
    assert found.code == 1
    assert "GATEWAY_PORT" in found.err
    assert "Traceback" not in found.err


async def test_a_gateway_port_that_somebody_has_is_said(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = await shell.type("up", "--consul", "embedded", f"--consul-port={free_port()}", f"--gateway-port={port}")
    assert found.code == 1
    assert f"port {port} is in use" in found.err


async def test_help_names_every_command(shell: Shell) -> None:
    found = await shell.type("--help")
    assert found.code == 0
    for command in ("up", "demo", "call", "ps", "kill", "restart", "scale", "load", "down"):
        assert f"│ {command} " in found.out
