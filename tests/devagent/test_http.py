"""What the embedded registry does that is not in the contract with Consul: limits, and what it leaves out."""

from __future__ import annotations

import asyncio
import json

import httpx2
import psutil
import pytest

from discovery.devagent.asgi import MAX_BODY, MAX_THROWN_AWAY
from discovery.devagent.server import MAX_CONNECTIONS
from tests.contract.asking import Asking, eventually
from tests.devagent.raw import ask
from tests.registries import Registry

REGISTER = "/v1/agent/service/register"


def body_of(size: int) -> bytes:
    empty = json.dumps({"Name": "a", "Tags": [""]}).encode()
    return json.dumps({"Name": "a", "Tags": ["x" * (size - len(empty))]}).encode()


async def test_a_body_may_have_1_mib(http: httpx2.AsyncClient) -> None:
    body = body_of(MAX_BODY)
    assert len(body) == MAX_BODY
    assert (await http.put(REGISTER, content=body)).status_code == 200


async def test_and_no_more(http: httpx2.AsyncClient) -> None:
    response = await http.put(REGISTER, content=body_of(MAX_BODY + 1))
    assert (response.status_code, response.text) == (413, "Request body too large: at most 1 MiB")
    assert (await http.get("/v1/agent/services")).json() == {}


async def test_a_body_that_announces_no_length_is_counted_too(embedded: Registry) -> None:
    head = f"PUT {REGISTER} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    assert (await ask(embedded.port, head, *[chunk] * 17, b"0\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
    endless = MAX_THROWN_AWAY // 0x10000 + 1
    assert (await ask(embedded.port, head, *[chunk] * endless)).startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_announces_too_much_is_refused_before_it_comes(embedded: Registry) -> None:
    head = f"PUT {REGISTER} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n".encode()
    assert (await ask(embedded.port, head)).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("name", ["filter", "near", "node-meta", "ns", "partition"])
async def test_what_would_change_the_answer_is_refused_by_name(http: httpx2.AsyncClient, name: str) -> None:
    response = await http.get("/v1/health/service/a", params={name: "x"})
    assert (response.status_code, response.text) == (400, f"?{name} is not supported by the devagent")


async def test_what_would_not_is_ignored(http: httpx2.AsyncClient) -> None:
    query = "stale&consistent=&cached&token=x&dc=dc1&filter=&unknown=1"
    assert (await http.get(f"/v1/health/service/a?{query}")).status_code == 200


async def test_a_thousand_parameters_are_too_many(http: httpx2.AsyncClient) -> None:
    assert (await http.get("/v1/health/service/a?" + "tag=x&" * 1000)).status_code == 400


@pytest.mark.parametrize("path", ["/v1/kv/a", "/v1/agent/check/register", "/v2/", "/ui/../etc/passwd", "/v1/agent"])
async def test_the_rest_of_consul_is_not_there_and_it_says_so(http: httpx2.AsyncClient, path: str) -> None:
    response = await http.get(path)
    assert response.status_code == 404
    assert response.text


async def test_a_registration_for_another_machine_is_refused(http: httpx2.AsyncClient) -> None:
    check = {"HTTP": "http://169.254.169.254/latest", "Interval": "1s"}
    response = await http.put(REGISTER, json={"Name": "a", "Check": check})
    assert response.status_code == 400
    assert "it is for one machine" in response.text
    assert (await http.get("/v1/agent/services")).json() == {}


async def test_people_can_ask_for_line_breaks(http: httpx2.AsyncClient) -> None:
    assert (await http.get("/v1/catalog/services")).text == '{"consul":[]}'
    assert (await http.get("/v1/catalog/services?pretty")).text == '{\n    "consul": []\n}'


async def test_nothing_is_left_of_clients_that_go_away_while_they_wait(
    http: httpx2.AsyncClient, embedded: Registry
) -> None:
    await http.put(REGISTER, json={"Name": "a"})
    index = await Asking(http).index("a")
    process = psutil.Process(embedded.pid)
    at_rest = process.num_fds()
    waiting = [asyncio.create_task(http.get(f"/v1/health/service/a?index={index}&wait=10m")) for _ in range(20)]

    async def all_wait() -> bool:
        return process.num_fds() >= at_rest + 19  # one of them takes the connection that was there

    async def all_gone() -> bool:
        return process.num_fds() <= at_rest

    await eventually(all_wait)
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    await eventually(all_gone)


async def test_connections_that_nobody_closes_are_limited_and_it_recovers(embedded: Registry) -> None:
    leak = [await asyncio.open_connection("127.0.0.1", embedded.port) for _ in range(MAX_CONNECTIONS)]
    head = b"GET /v1/status/leader HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert (await ask(embedded.port, head)).startswith(b"HTTP/1.1 503 ")
    for _, writer in leak:
        writer.close()

    async def answers_again() -> bool:
        return (await ask(embedded.port, head)).startswith(b"HTTP/1.1 200 ")

    await eventually(answers_again)
