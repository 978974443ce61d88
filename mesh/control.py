"""How the other commands talk to a running mesh: one JSON line there and one back, over a Unix socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

from discovery.errors import DiscoveryError
from mesh import errors
from mesh.errors import BadInput, MeshError, NoMesh

Document: TypeAlias = dict[str, Any]
Answering: TypeAlias = Callable[[Document], Awaitable[Document]]
"""From a request to its answer; a MeshError reaches the one who asked as the same error, any other
that is raised on purpose as a MeshError."""

LONGEST_LINE = 1024 * 1024


@asynccontextmanager
async def listening(socket: Path, answering: Answering) -> AsyncIterator[None]:
    """Answer requests at `socket`, one for each connection, while the context lasts."""
    talks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(_talk(reader, writer, answering))
        talks.add(talk)
        talk.add_done_callback(talks.discard)

    server = await asyncio.start_unix_server(accept, socket, limit=LONGEST_LINE)
    socket.chmod(0o600)  # noqa: ASYNC240 (one system call)
    try:
        yield
    finally:
        server.close()
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def ask(socket: Path, request: Document) -> Document:
    """The answer of the mesh at `socket`, however long it takes. Raises NoMesh, or the error that it answers with."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket, limit=LONGEST_LINE)
    except OSError as error:
        raise NoMesh(f"no mesh answers at {socket}") from error
    try:
        writer.write(_line(request))
        answer = await reader.readline()
    except OSError:
        answer = b""
    finally:
        writer.close()
    if not answer:
        raise NoMesh("the mesh ended before it answered")
    return _unwrapped(json.loads(answer))


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answering: Answering) -> None:
    try:
        writer.write(_line(await _answer(await reader.readline(), answering)))
        await writer.drain()
    except (OSError, ValueError):
        pass  # who asked has gone, or sent a line without end
    finally:
        writer.close()


async def _answer(line: bytes, answering: Answering) -> Document:
    try:
        return {"answer": await answering(_request(line))}
    except (MeshError, DiscoveryError) as error:
        return {"error": str(error), "kind": type(error).__name__}


def _request(line: bytes) -> Document:
    try:
        request = json.loads(line)
    except ValueError:
        request = None
    if not isinstance(request, dict):
        raise BadInput("a request is one JSON object on one line")
    return request


def _unwrapped(document: Document) -> Document:
    if "answer" in document:
        answer: Document = document["answer"]
        return answer
    kind = getattr(errors, str(document.get("kind")), MeshError)
    raise kind(document.get("error"))


def _line(document: Document) -> bytes:
    return json.dumps(document).encode() + b"\n"
