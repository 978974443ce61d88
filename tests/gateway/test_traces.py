"""Traces of the process that people start: off without cost, and never in the way of a request or of its end."""

from __future__ import annotations

import time
from signal import SIGTERM

import pytest

from tests.fakes.collector import collector, environment
from tests.fakes.http_server import closed_port, hangs, tiny_server
from tests.registries import Registries

from .test_process import gateway, listens, routed, says_hello
from .waiting import until

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

GET = b"GET /web HTTP/1.1\r\nHost: a\r\n\r\n"
LISTS_IMPORTS = {"PYTHONPROFILEIMPORTTIME": "1"}
IN_TIME = 5.0
"""Seconds for an end: more than ours take on a slow machine, and less than the 10 s that the SDK gives a collector."""


def says_of(said: list[bytes], name: bytes) -> bool:
    return any(name in line for line in said)


async def test_it_knows_of_no_sdk_when_it_is_off() -> None:
    async with gateway({**LISTS_IMPORTS, "OTEL_EXPORTER_OTLP_ENDPOINT": ""}) as running:
        await listens(running)
    assert says_of(running.said, b"services.gateway.spans")
    assert not says_of(running.said, b"opentelemetry.sdk")
    assert not says_of(running.said, b"opentelemetry.exporter")


async def test_and_of_one_when_it_is_on() -> None:
    async with collector() as to, gateway({**LISTS_IMPORTS, **environment(to.url)}) as running:
        await listens(running)
    assert says_of(running.said, b"opentelemetry.sdk")
    assert to.raw == b"", "neither what is refused nor who watches is a request that it serves"


async def test_an_endpoint_that_is_none_is_one_line() -> None:
    async with gateway({"OTEL_EXPORTER_OTLP_ENDPOINT": "hush:4318"}) as running:
        assert await running.ended() == 1
    assert running.said == [b"gateway: OTEL_EXPORTER_OTLP_ENDPOINT: expected http(s)://HOST:PORT\n"]


@pytest.mark.parametrize("away", [True, False], ids=["away", "hangs"])
async def test_a_collector_that_takes_nothing_hurts_nobody(registries: Registries, away: bool) -> None:
    async with tiny_server(hangs) as hanging:
        url = f"http://127.0.0.1:{closed_port()}" if away else hanging.url
        async with routed(registries, says_hello, **environment(url)) as running:
            began = time.monotonic()
            for _ in range(100):
                assert await running.status(GET) == 200
            assert time.monotonic() - began < IN_TIME
            await until(lambda: away or hanging.requests)
            began = time.monotonic()
            running.process.send_signal(SIGTERM)
            assert await running.ended() == 0
            assert time.monotonic() - began < IN_TIME
    assert not says_of(running.said, b"Traceback")
