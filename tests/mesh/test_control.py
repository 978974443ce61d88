"""The control socket: for its owner only, and errors arrive as what they were."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from discovery.errors import RegistryUnreachable
from mesh.control import Document, ask, listening
from mesh.errors import BadInput, MeshError, NoMesh, NoSuchInstance


async def echo(request: Document) -> Document:
    if error := request.get("raise"):
        raise {"own": NoSuchInstance("no echo-9"), "library": RegistryUnreachable("no leader")}[error]
    return {"heard": request}


async def test_an_answer_comes_back(tmp_path: Path) -> None:
    socket = tmp_path / "socket"
    async with listening(socket, echo):
        assert socket.stat().st_mode & 0o777 == 0o600
        assert await ask(socket, {"text": "ü\n"}) == {"heard": {"text": "ü\n"}}


async def test_an_error_arrives_as_what_it_was(tmp_path: Path) -> None:
    async with listening(tmp_path / "socket", echo):
        with pytest.raises(NoSuchInstance, match="no echo-9"):
            await ask(tmp_path / "socket", {"raise": "own"})


async def test_an_error_of_the_library_arrives_too(tmp_path: Path) -> None:
    async with listening(tmp_path / "socket", echo):
        with pytest.raises(MeshError, match="no leader"):
            await ask(tmp_path / "socket", {"raise": "library"})


async def test_nobody_there_is_no_mesh(tmp_path: Path) -> None:
    with pytest.raises(NoMesh):
        await ask(tmp_path / "socket", {})


async def test_a_socket_that_a_dead_mesh_left_is_no_mesh(tmp_path: Path) -> None:
    async with listening(tmp_path / "socket", echo):
        pass
    assert (tmp_path / "socket").exists()
    with pytest.raises(NoMesh):
        await ask(tmp_path / "socket", {})


async def test_a_mesh_that_ends_in_the_middle_is_no_mesh(tmp_path: Path) -> None:
    reached = asyncio.Event()

    async def never(_: Document) -> Document:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with listening(tmp_path / "socket", never):
        asking = asyncio.create_task(ask(tmp_path / "socket", {}))
        await reached.wait()
    with pytest.raises(NoMesh, match="ended before"):
        await asking


@pytest.mark.parametrize("line", [b"hello\n", b"[]\n", b'"text"\n', b"\xff\xfe\n", b"\n", b"{"])
async def test_a_line_that_is_no_request_is_answered_as_one(tmp_path: Path, line: bytes) -> None:
    async with listening(tmp_path / "socket", echo):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "socket")
        writer.write(line)
        writer.write_eof()
        answer = json.loads(await reader.readline())
        writer.close()
    assert answer["kind"] == BadInput.__name__


async def test_one_who_asks_nothing_and_goes_does_no_harm(tmp_path: Path) -> None:
    async with listening(tmp_path / "socket", echo):
        _, writer = await asyncio.open_unix_connection(tmp_path / "socket")
        writer.close()
        assert await ask(tmp_path / "socket", {}) == {"heard": {}}
