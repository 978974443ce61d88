"""One request, what comes back, and where its body may come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.bodies import body_for
from mesh.calling import Caller, reach
from mesh.errors import BadInput, NoGateway
from mesh.ports import free_port
from tests.mesh.backend import response, serving


async def test_what_a_caller_sees() -> None:
    async def answering(_: int) -> bytes:
        return response("hi", status=503, headers="X-Served-By: echo-2\r\nX-Attempts: 3\r\n")

    async with serving(answering) as backend, Caller("127.0.0.1", backend.port) as caller:
        said = await caller.call("POST", "/echo", b"{}")
    assert (said.status, said.served_by, said.attempts, said.body) == (503, "echo-2", 3, "hi")
    assert not said.is_success
    assert said.ms > 0


async def test_an_answer_that_names_nobody_is_the_gateways_own() -> None:
    async def answering(_: int) -> bytes:
        return response()

    async with serving(answering) as backend, Caller("127.0.0.1", backend.port) as caller:
        said = await caller.call("GET", "/")
    assert (said.served_by, said.attempts, said.is_success) == (None, 1, True)


async def test_a_gateway_that_hangs_up_is_said() -> None:
    async def answering(_: int) -> None:
        return None

    async with serving(answering) as backend, Caller("127.0.0.1", backend.port) as caller:
        with pytest.raises(NoGateway, match="gave no answer"):
            await caller.call("GET", "/")


async def test_nobody_there_is_said() -> None:
    port = free_port()
    async with Caller("127.0.0.1", port) as caller:
        with pytest.raises(NoGateway, match="mesh up starts one"):
            await caller.call("GET", "/")
    with pytest.raises(NoGateway, match="mesh up starts one"):
        await reach("127.0.0.1", port)


def test_a_body_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"\x00{}")
    assert body_for("/echo", f"@{tmp_path}/body") == b"\x00{}"


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        body_for("/echo", f"@{tmp_path}/missing")
    with pytest.raises(BadInput, match="Is a directory"):
        body_for("/echo", f"@{tmp_path}")


def test_a_body_cannot_be_typed_into_a_command_line() -> None:
    with pytest.raises(BadInput, match="process lists"):
        body_for("/encrypt", '{"key": "secret"}')


def test_without_data_there_is_no_body() -> None:
    assert body_for("/echo", None) is None
