"""Run one check once: an HTTP request or a TCP connection to this machine, and a verdict in Consul's words."""

from __future__ import annotations

import asyncio
import errno
import http
import os

import httpx2

from discovery.devagent.entries import Check, Verdict
from discovery.devagent.loopback import split
from discovery.instance import Health

MAX_OUTPUT = 4096
"""Bytes of a response that are read and kept, as in Consul's agent."""

HEADERS = {
    "user-agent": "Consul Health Check",
    "accept": "text/plain, text/*, */*",
    "accept-encoding": "identity",  # what is read is counted, so it must not grow when unpacked
    "connection": "close",
}


class Probes:
    """Follows no redirect, uses no proxy and keeps no connection: a check must not become a way elsewhere."""

    def __init__(self) -> None:
        self._http = httpx2.AsyncClient(
            headers=HEADERS,
            trust_env=False,
            follow_redirects=False,
            timeout=None,  # `run` has one deadline over all of a check
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def run(self, check: Check) -> Verdict:
        """Always a verdict: whatever goes wrong is critical, and says why."""
        probe = self._get if check.kind == "http" else self._connect
        asked = f'Get "{check.target}": ' if check.kind == "http" else ""
        try:
            async with asyncio.timeout(check.timeout):
                return await probe(check.target)
        except TimeoutError:
            return Verdict("critical", f"{asked}{_timed_out(check)}")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            return Verdict("critical", f"{asked}{reason(error, _address(check))}")

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _get(self, url: str) -> Verdict:
        async with self._http.stream("GET", url) as response:
            body = b""
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) >= MAX_OUTPUT:
                    break
        said = f"{response.status_code} {_phrase(response.status_code)}".rstrip()
        text = body[:MAX_OUTPUT].decode(errors="replace")
        return Verdict(health(response.status_code), f"HTTP GET {url}: {said} Output: {text}")

    async def _connect(self, authority: str) -> Verdict:
        host, port = split(authority) or ("", None)
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        return Verdict("passing", f"TCP connect {authority}: Success")


def health(status: int) -> Health:
    """Consul's reading of a status: 2xx is passing, 429 a warning, all else critical."""
    if 200 <= status < 300:
        return "passing"
    return "warning" if status == 429 else "critical"


def reason(error: BaseException, address: str) -> str:
    """What Go would say of it, as far as the cause can be found."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionRefusedError) or getattr(cause, "errno", None) == errno.ECONNREFUSED:
            return f"dial tcp {address}: connect: connection refused"
        if isinstance(cause, OSError) and cause.errno and cause.errno > 0:
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__ or cause.__context__
    return "EOF" if isinstance(error, httpx2.RemoteProtocolError) else str(error) or type(error).__name__


def _timed_out(check: Check) -> str:
    if check.kind == "tcp":
        return f"dial tcp {check.target}: i/o timeout"
    return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"


def _address(check: Check) -> str:
    if check.kind == "tcp":
        return check.target
    url = httpx2.URL(check.target)
    return f"{url.host}:{url.port or 80}"


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""
