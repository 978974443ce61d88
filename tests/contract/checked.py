"""A small HTTP server that says what it is told, for checks to look at."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass
class Checked:
    status: str = "200 OK"
    body: str = "ok"
    more: tuple[str, ...] = ()
    silent: bool = False
    """Accept, and never answer."""
    seen: list[str] = field(default_factory=list)
    """The head of each request."""
    times: list[float] = field(default_factory=list)
    """When each came, by a clock that only goes forwards."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}/livez"

    def close(self) -> None:
        self._server.close()

    def http_check(self, check_id: str, **more: object) -> dict[str, object]:
        return {"CheckID": check_id, "HTTP": self.url, "Interval": "1s", "Timeout": "1s", **more}

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.seen.append((await reader.readuntil(b"\r\n\r\n")).decode())
            self.times.append(time.monotonic())
            if self.silent:
                await reader.read()
                return
            body = self.body.encode()
            head = (f"HTTP/1.1 {self.status}", f"Content-Length: {len(body)}", *self.more)
            writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
