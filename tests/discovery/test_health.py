"""`/livez` and `/readyz` in front of any application that does not bring its own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from discovery.health import HealthEndpoints, Receive, Scope, Send


class App:
    """Answers 418 to everything; `routes` are the paths that it brings itself."""

    def __init__(self, *routes: str) -> None:
        self.routes = [SimpleNamespace(path=path) for path in routes]
        self.seen: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        self.seen.append(scope["type"])
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 418, "headers": []})
            await send({"type": "http.response.body", "body": b"mine"})


async def ask(app: Any, path: str) -> tuple[int, str]:
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://web") as http:
        response = await http.get(path)
    return response.status_code, response.text


async def test_they_answer_while_the_instance_serves() -> None:
    app = HealthEndpoints(App())
    assert await ask(app, "/livez") == (200, "ok\n")
    assert await ask(app, "/readyz") == (200, "ok\n")


async def test_one_that_leaves_is_live_but_not_ready() -> None:
    app = HealthEndpoints(App())
    app.leave()
    assert await ask(app, "/livez") == (200, "ok\n")
    assert await ask(app, "/readyz") == (503, "leaving\n")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_an_application_that_brings_its_own_keeps_it(path: str) -> None:
    app = HealthEndpoints(App(path))
    assert await ask(app, path) == (418, "mine")
    other = {"/livez": "/readyz", "/readyz": "/livez"}[path]
    assert await ask(app, other) == (200, "ok\n")


@pytest.mark.parametrize("path", ["/", "/livez/", "/livezz", "/a/livez"])
async def test_everything_else_is_the_applications(path: str) -> None:
    assert await ask(HealthEndpoints(App()), path) == (418, "mine")


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
async def test_so_is_what_is_no_request(kind: str) -> None:
    app = App()

    async def nothing(*_: Any) -> Any:
        return None

    await HealthEndpoints(app)({"type": kind, "path": "/livez"}, nothing, nothing)
    assert app.seen == [kind]
