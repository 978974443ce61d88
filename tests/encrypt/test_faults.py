"""The switch for drills: off, it does not exist; on, an instance is as sick, slow or flaky as it is told to be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator

import httpx2
import pytest

from services.encrypt.assembly import build
from services.encrypt.endpoint import Context
from services.encrypt.errors import Broken
from services.encrypt.faults import Condition, Faults

from .doubles import QuickDerivation, client, quiet_settings

ASKED = {"text": "text", "key": "k"}


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with client(build(quiet_settings(faults=True), {1: QuickDerivation()})) as http:
        yield http


async def statuses(http: httpx2.AsyncClient, count: int) -> list[int]:
    return [(await http.post("/encrypt", json=ASKED)).status_code for _ in range(count)]


async def test_without_the_switch_there_is_no_such_path() -> None:
    async with client(build(quiet_settings(), {1: QuickDerivation()})) as http:
        assert (await http.put("/faults", json={"sick": True})).status_code == 404
        assert (await http.post("/encrypt", json=ASKED)).status_code == 200
        assert "/faults" not in (await http.get("/openapi.json")).json()["paths"]


def test_without_the_switch_its_code_is_not_even_loaded() -> None:
    program = """
import sys
from services.encrypt.assembly import build
from services.encrypt.settings import EncryptSettings
build(EncryptSettings(faults=False))
print("services.encrypt.faults" in sys.modules)
build(EncryptSettings(faults=True))
print("services.encrypt.faults" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]


async def test_it_is_healthy_until_it_is_told_otherwise(http: httpx2.AsyncClient) -> None:
    assert await statuses(http, 3) == [200, 200, 200]


async def test_sick_is_a_500_to_everything_until_it_is_healed(http: httpx2.AsyncClient) -> None:
    told = await http.put("/faults", json={"sick": True})
    assert (told.status_code, told.json()) == (200, {"sick": True, "slow_ms": 0, "flaky_every": 0})
    assert await statuses(http, 3) == [500, 500, 500]
    assert (await http.post("/decrypt", json={"message": "", "key": "k"})).status_code == 500
    assert 'outcome="broken"} 3.0' in (await http.get("/metrics")).text
    await http.put("/faults", json={})
    assert await statuses(http, 1) == [200]


async def test_flaky_fails_every_nth_time(http: httpx2.AsyncClient) -> None:
    await http.put("/faults", json={"flaky_every": 3})
    assert await statuses(http, 7) == [200, 200, 500, 200, 200, 500, 200]
    await http.put("/faults", json={"flaky_every": 1})
    assert await statuses(http, 2) == [500, 500]


async def test_slow_waits_before_each_answer() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def echo(_: Context, request: str) -> str:
        return request

    faults = Faults(sleep)
    call = faults(echo)
    assert await call(Context(), "asked") == "asked"
    faults.become(Condition(slow_ms=250))
    assert await call(Context(), "asked") == "asked"
    faults.become(Condition(slow_ms=1000, sick=True))
    with pytest.raises(Broken):
        await call(Context(), "asked")
    assert slept == [0.25, 1.0]


@pytest.mark.parametrize(
    "body",
    [{"sick": "yes"}, {"sick": 1}, {"slow_ms": -1}, {"slow_ms": 1.5}, {"flaky_every": True}, {"dead": True}, []],
)
async def test_what_is_no_condition_is_a_422_and_changes_nothing(http: httpx2.AsyncClient, body: object) -> None:
    response = await http.put("/faults", json=body)
    assert response.status_code == 422
    assert response.json()["errors"]
    assert await statuses(http, 1) == [200]
