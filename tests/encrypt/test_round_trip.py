"""The thinnest path: a text over HTTP into a message and back, at the real cost."""

from __future__ import annotations

import httpx2

from services.encrypt.assembly import build
from services.encrypt.settings import EncryptSettings


async def test_what_was_encrypted_is_decrypted() -> None:
    transport = httpx2.ASGITransport(app=build(EncryptSettings()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://encrypt") as http:
        sealed = await http.post("/encrypt", json={"text": "Meet me at noon.", "key": "k"})
        opened = await http.post("/decrypt", json={"message": sealed.json()["message"], "key": "k"})
    assert (sealed.status_code, opened.status_code) == (200, 200)
    assert opened.json() == {"text": "Meet me at noon."}
