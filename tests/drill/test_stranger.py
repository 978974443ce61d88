"""A stranger on a port counts what it is sent, and is told from a service by its answer."""

from __future__ import annotations

import httpx2
import pytest

from mesh.drill.stranger import Stranger
from mesh.ports import free_port, is_free


async def test_requests_are_counted_and_questions_after_health_are_not() -> None:
    port = free_port()
    stranger = await Stranger.on(port)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        assert (await http.get("/livez")).status_code == 418
        assert (await http.post("/encrypt", json={})).status_code == 418
    assert stranger.requests == 1
    with pytest.raises(OSError, match="in use"):
        await Stranger.on(port)
    await stranger.leave()
    assert is_free(port)
