"""On a real server: busy without being deaf, and unmoved by clients that hang, flood or leave."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import httpx2
import pytest

from services.encrypt.assembly import build

from .doubles import DEADLINE, HeldDerivation, QuickDerivation, quiet_settings, until
from .live import exchange, served

JSON = {"Content-Type": "application/json"}
HEAD = b"POST /encrypt HTTP/1.1\r\nHost: encrypt\r\nContent-Type: application/json\r\nConnection: close\r\n"


def http_to(address: tuple[str, int]) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url="http://{}:{}".format(*address), timeout=DEADLINE, limits=MANY)


MANY = httpx2.Limits(max_connections=100)


async def metric(http: httpx2.AsyncClient, name: str) -> float:
    lines = (await http.get("/metrics")).text.splitlines()
    return next((float(line.removeprefix(name)) for line in lines if line.startswith(name + " ")), 0.0)


async def until_metric(http: httpx2.AsyncClient, name: str, value: float) -> None:
    async with asyncio.timeout(DEADLINE):
        while await metric(http, name) != value:
            await asyncio.sleep(0.005)


async def test_fifty_derivations_at_once_leave_the_loop_free_and_the_rest_is_told_to_come_back() -> None:
    """None of the derivations ends before all the rest has been answered: on the loop, nothing would be."""
    held = HeldDerivation()
    app = build(quiet_settings(kdf_concurrency=2, kdf_queue=32), {1: held})
    async with served(app) as address, http_to(address) as http:
        asked = [
            asyncio.create_task(http.post("/encrypt", json={"text": "t", "key": f"key {number}"}))
            for number in range(50)
        ]
        await until(lambda: sum(task.done() for task in asked) == 16)
        assert await metric(http, "encrypt_derivation_queue") == 32
        assert {(await http.get("/livez")).status_code for _ in range(20)} == {200}
        assert held.begun == 2
        refused = [task.result() for task in asked if task.done()]
        assert {response.status_code for response in refused} == {503}
        assert all(int(response.headers["retry-after"]) >= 1 for response in refused)
        held.go.set()
        answered = await asyncio.gather(*asked)
    assert Counter(response.status_code for response in answered) == {200: 34, 503: 16}


async def test_fifty_who_share_a_key_wait_for_one_derivation() -> None:
    held = HeldDerivation()
    async with served(build(quiet_settings(kdf_queue=0), {1: held})) as address, http_to(address) as http:
        asked = [asyncio.create_task(http.post("/encrypt", json={"text": "t", "key": "k"})) for _ in range(50)]
        await until_metric(http, 'encrypt_key_lookups_total{result="joined"}', 49)
        held.go.set()
        assert {response.status_code for response in await asyncio.gather(*asked)} == {200}
    assert len(held.salts) == 1


async def test_a_client_that_goes_away_leaves_the_queue() -> None:
    held = HeldDerivation()
    app = build(quiet_settings(kdf_concurrency=1, kdf_queue=1), {1: held})
    async with served(app) as address, http_to(address) as http, http_to(address) as impatient:
        working = asyncio.create_task(http.post("/encrypt", json={"text": "t", "key": "working"}))
        await until(lambda: held.begun == 1)
        leaving = asyncio.create_task(impatient.post("/encrypt", json={"text": "t", "key": "leaving"}))
        await until_metric(http, "encrypt_derivation_queue", 1)
        leaving.cancel()
        await asyncio.wait([leaving])
        await until_metric(http, "encrypt_derivation_queue", 0)
        await until_metric(http, 'encrypt_requests_total{operation="encrypt",outcome="abandoned"}', 1)
        held.go.set()
        assert (await working).status_code == 200
    assert held.begun == 1


async def test_keys_that_nobody_asks_for_are_forgotten_in_time() -> None:
    app = build(quiet_settings(cache_minutes=0.001), {1: QuickDerivation()})
    async with served(app) as address, http_to(address) as http:
        assert (await http.post("/encrypt", json={"text": "t", "key": "k"})).status_code == 200
        await until_metric(http, 'encrypt_cached_keys{use="seal"}', 0)
        await until_metric(http, 'encrypt_cached_keys{use="open"}', 0)
        assert await metric(http, "encrypt_derivation_seconds_count") == 1


async def test_half_a_body_is_given_up_in_time_and_its_connection_too() -> None:
    app = build(quiet_settings(body_seconds=0.2), {1: QuickDerivation()})
    head = HEAD.replace(b"Connection: close\r\n", b"")
    async with served(app) as address, asyncio.timeout(DEADLINE):
        said = await exchange(address, head + b'Content-Length: 30\r\n\r\n{"text":')
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in said
    assert b"did not arrive within 0.2 s" in said


async def test_a_client_that_leaves_in_mid_body_is_no_error_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with served(build(quiet_settings(), {1: QuickDerivation()})) as address, http_to(address) as http:
        _, writer = await asyncio.open_connection(*address)
        writer.write(HEAD + b'Content-Length: 30\r\n\r\n{"text":')
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await until_metric(http, 'encrypt_requests_total{operation="encrypt",outcome="abandoned"}', 1)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("length", [996_353, 10**12])
async def test_a_body_that_is_announced_as_too_long_is_refused_before_it_comes(length: int) -> None:
    async with served(build(quiet_settings(), {1: QuickDerivation()})) as address, asyncio.timeout(DEADLINE):
        said = await exchange(address, HEAD + b"Content-Length: %d\r\n\r\n" % length)
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"at most 996352 bytes" in said


async def test_a_body_in_chunks_is_refused_while_it_comes() -> None:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    async with served(build(quiet_settings(), {1: QuickDerivation()})) as address, asyncio.timeout(DEADLINE):
        said = await exchange(address, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 16)
    assert said.startswith(b"HTTP/1.1 413 ")


async def test_a_refused_body_does_not_spoil_the_connection_for_the_next_request() -> None:
    async with served(build(quiet_settings(), {1: QuickDerivation()})) as address, http_to(address) as http:
        for _ in range(3):
            refused = await http.post(
                "/encrypt", content=b" " * 1_100_000, headers={"Content-Type": "application/json"}
            )
            assert refused.status_code == 413
            assert (await http.post("/encrypt", json={"text": "t", "key": "k"})).status_code == 200
