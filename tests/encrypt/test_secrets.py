"""Keys, texts and messages appear in nothing that this service says to anyone but the one who asked."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from discovery import logs
from services.encrypt.assembly import build
from services.encrypt.kdf import Derivation

from .doubles import FailingDerivation, QuickDerivation, Records, client, quiet_settings

KEY = "hush-key-7d1f"
TEXT = "hush-text-93ab"
SECRETS = ("hush", "7d1f", "93ab")
JSON = {"Content-Type": "application/json"}


@contextmanager
def everything_logged() -> Iterator[Records]:
    """Every logger of the process, at every level."""
    root, records = logging.getLogger(), Records()
    level = root.level
    root.addHandler(records)
    root.setLevel(1)
    try:
        yield records
    finally:
        root.removeHandler(records)
        root.setLevel(level)


def hostile_requests(message: str) -> list[tuple[str, bytes]]:
    spoilt = message[:-4] + "AAAA"
    return [
        ("/encrypt", f'{{"text":"{TEXT}","key":"{KEY}"}}'.encode()),
        ("/decrypt", f'{{"message":"{message}","key":"{KEY}"}}'.encode()),
        ("/decrypt", f'{{"message":"{message}","key":"{KEY}!"}}'.encode()),
        ("/decrypt", f'{{"message":"{spoilt}","key":"{KEY}"}}'.encode()),
        ("/decrypt", f'{{"message":"{TEXT}","key":"{KEY}"}}'.encode()),
        ("/encrypt", f'{{"text":"{TEXT}","key":"{KEY}","{KEY}":"{TEXT}"}}'.encode()),
        ("/encrypt", f'{{"text":["{TEXT}"],"key":{{"{KEY}":1}}}}'.encode()),
        ("/encrypt", f'{{"text":"{TEXT}\\ud800","key":"{KEY}"}}'.encode()),
        ("/encrypt", f'{{"text":"{TEXT}","key":"{KEY}\\udfff"}}'.encode()),
        ("/encrypt", f'{{"text":"{TEXT}","key":"{KEY * 100}"}}'.encode()),
        ("/encrypt", f'{{"text":"{TEXT * 20_000}","key":"{KEY}"}}'.encode()),
        ("/encrypt", f'{{"{KEY}":1,"{KEY}":2}}'.encode()),
        ("/encrypt", f'{{"text":"{TEXT}'.encode()),
        ("/encrypt", f'{{"text":"{TEXT}","key":"{KEY}"'.encode() + b"\xff}"),
        ("/encrypt", TEXT.encode()),
        (f"/{KEY}?text={TEXT}", b""),
        (f"/encrypt?key={KEY}", b"{}"),
    ]


async def test_no_answer_but_the_right_one_has_them(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    async with client(build(quiet_settings(), {1: QuickDerivation()})) as http:
        sealed, opened, *others = await _ask_everything(http)
    assert opened.json() == {"text": TEXT}
    assert not _leaks(sealed.text)
    for response in others:
        assert response.status_code >= 400
        assert not _leaks(response.text)
        assert not _leaks(str(response.headers))


@pytest.mark.parametrize("derivation", [QuickDerivation(), FailingDerivation()], ids=["fine", "failing"])
async def test_no_log_line_has_them(derivation: Derivation) -> None:
    with everything_logged() as records:
        async with client(build(quiet_settings(), {1: derivation})) as http:
            await _ask_everything(http)
    ours = [record for record in records.records if not record.name.startswith(("httpx2", "httpcore2"))]
    assert len([record for record in ours if record.getMessage() == "request"]) >= 15
    records.records = ours  # the client of this test may log its own address line
    assert not _leaks(records.said())


async def test_no_log_line_as_it_is_written_has_them() -> None:
    stream = io.StringIO()
    before = logging.getLogger().handlers[:], logging.getLogger().level
    logs.configure("DEBUG", stream)
    try:
        async with client(build(quiet_settings(), {1: FailingDerivation()})) as http:
            await _ask_everything(http)
    finally:
        logging.getLogger().handlers[:] = before[0]
        logging.getLogger().setLevel(before[1])
    assert '"event": "broken"' in stream.getvalue()
    assert '"error": "RuntimeError"' in stream.getvalue()
    assert not _leaks(stream.getvalue())


async def test_no_metric_has_them() -> None:
    async with client(build(quiet_settings(), {1: QuickDerivation()})) as http:
        await _ask_everything(http)
        page = (await http.get("/metrics")).text
    assert 'outcome="ok"' in page
    assert not _leaks(page)


async def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    async with client(build(quiet_settings(), {1: FailingDerivation()})) as http:
        await _ask_everything(http)
    printed = capfd.readouterr()
    assert not _leaks(printed.out + printed.err)


async def _ask_everything(http: httpx2.AsyncClient) -> list[httpx2.Response]:
    first = await http.post("/encrypt", json={"text": TEXT, "key": KEY})
    message = first.json().get("message", "v1." + "A" * 80)
    return [
        await http.post(path, content=body, headers=JSON | {"X-Request-ID": "r-1"})
        for path, body in hostile_requests(message)
    ]


def _leaks(said: str) -> list[str]:
    return [each for each in SECRETS if each in said]
