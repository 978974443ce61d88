"""Messages as bytes: read off a stream without the forgiveness of a library."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response. `raw` is all of it as it came; `fields` keep their order, names in lower case."""

    raw: bytes
    start: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def status(self) -> int:
        return int(self.start.split(b" ")[1])

    @property
    def target(self) -> bytes:
        return self.start.split(b" ")[1]

    def all(self, name: bytes) -> list[bytes]:
        return [value for known, value in self.fields if known == name]

    def one(self, name: bytes) -> bytes:
        """The value of a field that must be there exactly once."""
        (value,) = self.all(name)
        return value


async def read_message(reader: asyncio.StreamReader, *, bodiless: bool = False, until_eof: bool = False) -> Message:
    """The next message. Raises IncompleteReadError when the stream ends inside of it, ConnectionError on a reset."""
    head = await reader.readuntil(b"\r\n\r\n")
    start, *lines = head[:-4].split(b"\r\n")
    pairs = (line.partition(b":") for line in lines)
    fields = tuple((name.lower(), value.strip()) for name, _, value in pairs)
    message = Message(head, start, fields, b"")
    if bodiless:
        return message
    raw, body = await _read_body(reader, message, until_eof)
    return Message(head + raw, start, fields, body)


async def _read_body(reader: asyncio.StreamReader, message: Message, until_eof: bool) -> tuple[bytes, bytes]:
    if message.all(b"transfer-encoding"):
        assert message.one(b"transfer-encoding") == b"chunked"
        assert not message.all(b"content-length")
        return await _read_chunks(reader)
    if lengths := message.all(b"content-length"):
        (length,) = lengths
        raw = await reader.readexactly(int(length))
    else:
        raw = await reader.read() if until_eof else b""
    return raw, raw


async def _read_chunks(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    raw, body = b"", b""
    while True:
        line = await reader.readuntil(b"\r\n")
        data = await reader.readexactly(int(line, 16) + 2)
        raw += line + data
        assert data.endswith(b"\r\n")
        if len(data) == 2:
            return raw, body
        body += data[:-2]


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST, not FIN."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
