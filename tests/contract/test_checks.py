"""Checks: how they begin, what they find, and what registering again does to them."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.asking import Asking, eventually
from tests.contract.checked import Checked

CLOSED = "127.0.0.1:1"


async def test_a_check_is_critical_until_it_has_run(ask: Asking) -> None:
    await ask.register("a", Check={"HTTP": f"http://{CLOSED}/", "Interval": "1h"})
    check = (await ask.checks("a"))["service:a"]
    assert (check["Status"], check["Output"]) == ("critical", "")


@pytest.mark.parametrize("status", ["passing", "warning", "critical"])
async def test_a_check_begins_with_the_status_that_it_is_given(ask: Asking, status: str) -> None:
    await ask.register("a", Check={"CheckID": "a:1", "HTTP": f"http://{CLOSED}/", "Interval": "1h", "Status": status})
    assert await ask.status("a", "a:1") == status


async def test_a_check_runs_within_its_interval_and_says_what_it_saw(ask: Asking, checked: Checked) -> None:
    await ask.register("a", Check=checked.http_check("a:1"))
    check = await ask.until("a", "a:1", "passing")
    assert check["Output"] == f"HTTP GET {checked.url}: 200 OK Output: ok"
    head = checked.seen[0].lower()
    assert head.startswith("get /livez http/1.1\r\n")
    assert "\r\nuser-agent: consul health check\r\n" in head
    assert f"\r\nhost: {checked.address}\r\n" in head


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("204 No Content", "passing"),
        ("429 Too Many Requests", "warning"),
        ("404 Not Found", "critical"),
        ("500 Internal Server Error", "critical"),
        ("503 Service Unavailable", "critical"),
    ],
)
async def test_the_status_of_the_answer_decides(ask: Asking, checked: Checked, answer: str, status: str) -> None:
    checked.status, checked.body = answer, ""
    begin = "critical" if status == "passing" else "passing"
    await ask.register("a", Check=checked.http_check("a:1", Status=begin))
    assert (await ask.until("a", "a:1", status))["Output"] == f"HTTP GET {checked.url}: {answer} Output: "


async def test_a_server_that_stops_becomes_critical_and_passes_again_when_it_is_back(
    ask: Asking, checked: Checked
) -> None:
    await ask.register("a", Check=checked.http_check("a:1", Status="passing"))
    checked.status = "500 Internal Server Error"
    await ask.until("a", "a:1", "critical")
    assert (await ask.health("a", passing="")).value == []
    checked.status = "200 OK"
    await ask.until("a", "a:1", "passing")
    assert len((await ask.health("a", passing="")).value) == 1


async def test_nobody_listens(ask: Asking, checked: Checked) -> None:
    await ask.register("a", Check=checked.http_check("a:1", Status="passing"))
    checked.close()
    check = await ask.until("a", "a:1", "critical")
    refused = f"dial tcp {checked.address}: connect: connection refused"
    assert check["Output"] == f'Get "{checked.url}": {refused}'


async def test_nobody_answers_in_time(ask: Asking, checked: Checked) -> None:
    checked.silent = True
    await ask.register("a", Check=checked.http_check("a:1", Status="passing", Timeout="200ms"))
    output = (await ask.until("a", "a:1", "critical"))["Output"]
    assert output.startswith(f'Get "{checked.url}": ')
    assert "deadline exceeded" in output


async def test_a_tcp_check_needs_no_more_than_a_connection(ask: Asking, checked: Checked) -> None:
    await ask.register("a", Check={"CheckID": "a:1", "TCP": checked.address, "Interval": "1s"})
    assert (await ask.until("a", "a:1", "passing"))["Output"] == f"TCP connect {checked.address}: Success"


async def test_a_tcp_check_finds_a_closed_port(ask: Asking) -> None:
    await ask.register("a", Check={"CheckID": "a:1", "TCP": CLOSED, "Interval": "1s", "Status": "passing"})
    output = (await ask.until("a", "a:1", "critical"))["Output"]
    assert output == f"dial tcp {CLOSED}: connect: connection refused"


async def test_no_more_than_4_kib_of_an_answer_are_kept(ask: Asking, checked: Checked) -> None:
    checked.body = "x" * 10_000
    await ask.register("a", Check=checked.http_check("a:1"))
    assert 4000 < len((await ask.until("a", "a:1", "passing"))["Output"]) < 4300


async def test_an_instance_passes_when_all_its_checks_do(ask: Asking, checked: Checked) -> None:
    closed = {"HTTP": f"http://{CLOSED}/", "Interval": "1h", "Status": "warning"}
    await ask.register("a", Checks=[checked.http_check("a:1", Status="passing"), closed])
    assert set(await ask.checks("a")) == {"a:1", "service:a:2"}
    assert (await ask.health("a", passing="1")).value == []
    assert len((await ask.health("a", passing="false")).value) == 1


async def test_an_instance_without_a_check_passes(ask: Asking) -> None:
    await ask.register("a")
    assert len((await ask.health("a", passing="")).value) == 1


async def test_a_check_is_described_with_its_service(ask: Asking) -> None:
    await ask.register(
        "a", ID="a-1", Tags=["t"], Check={"HTTP": f"http://{CLOSED}/", "Interval": "1h", "Notes": "why", "Name": "n"}
    )
    check = (await ask.checks("a"))["service:a-1"]
    assert (check["ServiceID"], check["ServiceName"], check["ServiceTags"]) == ("a-1", "a", ["t"])
    assert (check["Name"], check["Notes"], check["Type"]) == ("n", "why", "http")
    on_agent = (await ask.get("/v1/agent/checks")).value
    assert on_agent == {"service:a-1": {**check, "CreateIndex": 0, "ModifyIndex": 0}}


@pytest.mark.parametrize("interval", ["1ms", 1, 1_000_000_000])
async def test_an_interval_may_be_short_or_a_number_and_is_a_second_at_least(
    ask: Asking, checked: Checked, interval: object
) -> None:
    await ask.register("a", Check=checked.http_check("a:1", Interval=interval))

    async def two_runs() -> bool:
        return len(checked.times) >= 2

    await eventually(two_runs)
    assert checked.times[1] - checked.times[0] > 0.5


async def test_registering_again_under_the_same_check_id_leaves_it_critical(ask: Asking, checked: Checked) -> None:
    checked.status = "500 Internal Server Error"
    await ask.register("a", Check=checked.http_check("a:1", Interval="1h", Status="critical"))
    await ask.register("a", replace=True, Check=checked.http_check("a:1", Interval="1h", Status="passing"))
    assert (await ask.get("/v1/agent/checks")).value["a:1"]["Status"] == "critical"
    assert await ask.status("a", "a:1") == "critical"


async def test_registering_again_under_another_check_id_passes_at_once(ask: Asking, checked: Checked) -> None:
    await ask.register("a", Check=checked.http_check("a:1", Interval="1h", Status="critical"))
    await ask.register("a", replace=True, Check=checked.http_check("a:2", Interval="1h", Status="passing"))

    async def only_the_new() -> bool:
        return {key: check["Status"] for key, check in (await ask.checks("a")).items()} == {"a:2": "passing"}

    await eventually(only_the_new)
    assert len((await ask.health("a", passing="")).value) == 1


async def test_old_checks_stay_unless_they_are_to_be_replaced(ask: Asking, checked: Checked) -> None:
    await ask.register("a", Check=checked.http_check("a:1", Interval="1h", Status="critical"))
    await ask.register("a", Check=checked.http_check("a:2", Interval="1h", Status="passing"))

    async def both() -> bool:
        return {key: check["Status"] for key, check in (await ask.checks("a")).items()} == {
            "a:1": "critical",
            "a:2": "passing",
        }

    await eventually(both)
    await ask.register("a", replace=True)

    async def none() -> bool:
        return not await ask.checks("a")

    await eventually(none)


async def test_a_new_output_alone_is_known_to_the_agent_and_no_news_to_the_catalog(
    ask: Asking, checked: Checked
) -> None:
    await ask.register("a", Check=checked.http_check("a:1"))
    before = await ask.until("a", "a:1", "passing")
    known = await ask.index("a")
    checked.body = "changed"

    async def agent_knows() -> bool:
        output: str = (await ask.get("/v1/agent/checks")).value["a:1"]["Output"]
        return output.endswith("changed")

    await eventually(agent_knows)
    assert (await ask.checks("a"))["a:1"] == before
    assert await ask.index("a") == known


async def test_checks_end_with_their_instance(ask: Asking, checked: Checked) -> None:
    await ask.register("a", Check=checked.http_check("a:1"))
    await ask.until("a", "a:1", "passing")
    await ask.deregister("a")
    assert (await ask.get("/v1/agent/checks")).value == {}
    await asyncio.sleep(0.2)
    runs = len(checked.seen)
    await asyncio.sleep(1.5)
    assert len(checked.seen) == runs
