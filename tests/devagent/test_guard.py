"""Programs of this machine are answered, web pages of others are not."""

from __future__ import annotations

import httpx2
import pytest

from tests.devagent.raw import ask
from tests.registries import Registry

REGISTER = "/v1/agent/service/register"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8500", "[::1]", "[::1]:9"])
async def test_names_of_this_machine_are_answered(http: httpx2.AsyncClient, host: str) -> None:
    assert (await http.get("/v1/status/leader", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "example",
        "example:8500",
        "127.0.0.1.example",
        "localhost.example",
        "0.0.0.0:8500",
        "10.0.0.1",
        "localhost@example",
        "example#localhost",
        "localhost, example",
        "::1",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/v1/status/leader", "/ui/", "/ui/events", "/", "/nothing"])
async def test_no_page_gets_in_under_a_name_of_its_own(http: httpx2.AsyncClient, host: str, path: str) -> None:
    response = await http.get(path, headers={"host": host})
    assert response.status_code == 403
    assert "answers only to the Host names localhost, 127.0.0.1 and [::1]" in response.text


@pytest.mark.parametrize(
    "head",
    [
        b"GET /v1/status/leader HTTP/1.1\r\nHost: localhost\r\nHost: example\r\n\r\n",
        b"GET /v1/status/leader HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET /v1/status/leader HTTP/1.0\r\n\r\n",
    ],
)
async def test_one_host_is_needed_and_no_more(embedded: Registry, head: bytes) -> None:
    assert (await ask(embedded.port, head)).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(
    "origin",
    ["http://example", "https://127.0.0.1:{port}", "http://localhost:{port}", "http://127.0.0.1:1", "null", ""],
)
@pytest.mark.parametrize("path", [REGISTER, "/v1/agent/service/deregister/a"])
async def test_no_page_of_another_origin_changes_anything(
    http: httpx2.AsyncClient, embedded: Registry, origin: str, path: str
) -> None:
    await http.put(REGISTER, json={"Name": "a"})
    headers = {"origin": origin.format(port=embedded.port)}
    response = await http.put(path, json={"Name": "b"}, headers=headers)
    assert response.status_code == 403
    assert "does not answer to web pages of another origin" in response.text
    assert list((await http.get("/v1/agent/services")).json()) == ["a"]


async def test_its_own_page_may(http: httpx2.AsyncClient, embedded: Registry) -> None:
    response = await http.put(REGISTER, json={"Name": "a"}, headers={"origin": embedded.url})
    assert response.status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("mode", ["no-cors", "cors", "websocket"])
async def test_no_other_page_takes_connections_by_waiting(http: httpx2.AsyncClient, site: str, mode: str) -> None:
    headers = {"sec-fetch-site": site, "sec-fetch-mode": mode}
    response = await http.get("/v1/health/service/a?index=999999&wait=10m", headers=headers)
    assert response.status_code == 403


@pytest.mark.parametrize(("site", "mode"), [("same-origin", "cors"), ("none", "navigate"), ("cross-site", "navigate")])
async def test_people_come_by_link_or_by_hand(http: httpx2.AsyncClient, site: str, mode: str) -> None:
    response = await http.get("/ui/", headers={"sec-fetch-site": site, "sec-fetch-mode": mode})
    assert response.status_code == 200


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_no_page_is_ever_told_that_it_may_read_or_write(http: httpx2.AsyncClient, method: str) -> None:
    headers = {"origin": "http://example", "access-control-request-method": "PUT"}
    response = await http.request(method, "/v1/agent/services", headers=headers)
    assert not [name for name in response.headers if name.startswith("access-control-")]
    assert response.headers["x-content-type-options"] == "nosniff"
