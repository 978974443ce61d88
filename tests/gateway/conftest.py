"""Every asynchronous test runs on both loops; what a loop or the server complains about fails it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping

import pytest
import uvloop


@pytest.hookimpl
def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture(autouse=True)
def _nobody_complains(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Such as `socket.send() raised exception`, which says that somebody writes to a closed connection."""
    yield
    records = [each for each in caplog.get_records("call") if each.name in ("asyncio", "uvicorn.error")]
    assert [each.getMessage() for each in records if each.levelno >= logging.WARNING] == []
