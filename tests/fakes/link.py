"""A link between callers and a port on this machine that can be slow, cut, or dead without a word: a TCP proxy.

What a network does, and a process that is killed or stopped does not.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

END = b""
"""A side will say no more: that travels like all that it says."""

Pieces = asyncio.Queue[tuple[float, bytes]]
"""What is on its way, each with the moment at which it arrives."""


class Link:
    """Whoever connects to `port` speaks with `target`. Make it with `link`."""

    def __init__(self, target: int) -> None:
        self.target = target
        """May be changed: new connections go there."""
        self.port = 0
        self.connections = 0
        """How many were ever made."""
        self._delay = 0.0
        self._left: int | None = None
        self._is_light = asyncio.Event()
        self._is_light.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._talks: set[asyncio.Task[None]] = set()

    def delay(self, seconds: float) -> None:
        """From now on every byte, and the end of each connection, arrives that much later, in both directions."""
        self._delay = seconds

    def cut(self) -> None:
        """Both sides see a reset, and nobody listens here until `heal`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            _reset(writer)

    def cut_after(self, size: int) -> None:
        """Let so many more bytes of answers through, then cut: in the middle of a response, say."""
        self._left = size

    def go_dark(self) -> None:
        """Swallow everything without a word; new connections seem to be made. What was swallowed arrives after `heal`,
        as TCP sends it again."""
        self._is_light.clear()

    async def heal(self) -> None:
        """As if nothing had been."""
        self._delay, self._left = 0.0, None
        self._is_light.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port, backlog=1024)
            self.port = self._server.sockets[0].getsockname()[1]

    async def aclose(self) -> None:
        self.cut()
        for talk in list(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with self._keeping(writer), suppress(OSError):
            await self._is_light.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
            there, back = Pieces(), Pieces()
            with self._keeping(far_writer):
                await asyncio.gather(
                    self._pick_up(reader, there),
                    self._deliver(there, far_writer),
                    self._pick_up(far_reader, back),
                    self._deliver(back, writer, is_answer=True),
                )

    @contextmanager
    def _keeping(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        self._writers.add(writer)
        try:
            yield
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _pick_up(self, reader: asyncio.StreamReader, pieces: Pieces) -> None:
        while True:
            try:
                piece = await reader.read(1 << 16)
            except ConnectionError:
                piece = END
            pieces.put_nowait((asyncio.get_running_loop().time() + self._delay, piece))
            if piece == END:
                return

    async def _deliver(self, pieces: Pieces, writer: asyncio.StreamWriter, *, is_answer: bool = False) -> None:
        """What comes after the other side has gone is lost, as on a network."""
        piece = b"-"
        while piece != END:
            due, piece = await pieces.get()
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            await self._is_light.wait()
            if writer.is_closing():
                continue
            if piece == END:
                writer.write_eof()
                continue
            writer.write(self._allowed(piece) if is_answer else piece)
            with suppress(ConnectionError):
                await writer.drain()

    def _allowed(self, answer: bytes) -> bytes:
        if self._left is None:
            return answer
        answer = answer[: self._left]
        self._left -= len(answer)
        if not self._left:
            asyncio.get_running_loop().call_later(0.02, self.cut)  # when what is written in this turn has gone out
        return answer


@asynccontextmanager
async def link(target: int) -> AsyncIterator[Link]:
    """A link to a port of 127.0.0.1, whole to begin with. At the end nothing is left of it."""
    made = Link(target)
    await made.heal()
    try:
        yield made
    finally:
        await made.aclose()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST, not FIN."""
    if not writer.is_closing():
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
