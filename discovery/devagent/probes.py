"""Run one check once, and put what was found into a verdict in Consul's words."""

from __future__ import annotations

import asyncio
import http
import os
import socket

import httpx2

from discovery.devagent.entries import Check, Verdict
from discovery.devagent.fetch import NoResponse, fetch
from discovery.instance import Health, authority


async def probe(check: Check) -> Verdict:
    """Always a verdict: whatever goes wrong is critical, and says why."""
    run = _get if check.kind == "http" else _connect
    try:
        async with asyncio.timeout(check.timeout):
            return await run(check)
    except TimeoutError:
        return _failed(check, _too_late(check))
    except NoResponse as error:
        return _failed(check, str(error))
    except OSError as error:
        return _failed(check, _no_connection(check, error))


def health(status: int) -> Health:
    """Consul's reading of a status: 2xx is passing, 429 a warning, all else critical."""
    if 200 <= status < 300:
        return "passing"
    return "warning" if status == 429 else "critical"


async def _get(check: Check) -> Verdict:
    status, reason, body = await fetch(check.host, check.port, httpx2.URL(check.target))
    said = f"{status} {reason or _phrase(status)}".rstrip()
    return Verdict(health(status), f"HTTP GET {check.target}: {said} Output: {body.decode(errors='replace')}")


async def _connect(check: Check) -> Verdict:
    _, writer = await asyncio.open_connection(check.host, check.port)
    writer.close()
    return Verdict("passing", f"TCP connect {check.target}: Success")


def _failed(check: Check, why: str) -> Verdict:
    return Verdict("critical", f'Get "{check.target}": {why}' if check.kind == "http" else why)


def _too_late(check: Check) -> str:
    if check.kind == "tcp":
        return f"dial tcp {check.target}: i/o timeout"
    return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"


def _no_connection(check: Check, error: OSError) -> str:
    where = authority(check.host, check.port)
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {check.host}: no such host"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return f"read tcp {where}: connection reset by peer"
    # asyncio tells of several addresses that failed in one error without a number, as `localhost` can have.
    why = os.strerror(error.errno).lower() if error.errno else "connection refused"
    return f"dial tcp {where}: connect: {why}"


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""
