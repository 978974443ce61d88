"""A FastAPI service that talks, `python -m tests.e2e.chat`: a WebSocket that echoes, and events while asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import FastAPI, WebSocket
from fastapi.responses import StreamingResponse

from discovery import serve

app = FastAPI()


@app.websocket("/chat/echo")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    async for message in socket.iter_text():
        await socket.send_text(message)


@app.get("/chat/events")
async def events(count: int, every: float) -> StreamingResponse:
    async def stream() -> AsyncIterator[str]:
        for number in range(count):
            yield f"data: {number}\n\n"
            await asyncio.sleep(every)

    return StreamingResponse(stream(), media_type="text/event-stream")


if __name__ == "__main__":
    serve(app, service="chat", routes=["/chat"])
