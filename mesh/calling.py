"""One request through the gateway, and what a caller sees of the answer."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

import httpx2

from discovery.instance import authority
from mesh.errors import BadInput, NoGateway

TIMEOUT = 30.0
"""Seconds: the gateway's own deadline is 10 s up to the headers, or the route's."""

CONNECT_WITHIN = 3.0


@dataclass(frozen=True, slots=True)
class Said:
    """`body` is what came back as text; `ms` is the time until all of it was here."""

    status: int
    served_by: str | None
    attempts: int
    ms: float
    body: str

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Caller:
    """A client of one gateway; keeps its connection. Close it with `async with`."""

    def __init__(self, host: str, port: int) -> None:
        self._authority = authority(host, port)
        self._http = httpx2.AsyncClient(base_url=f"http://{self._authority}", timeout=TIMEOUT, trust_env=False)

    async def __aenter__(self) -> Caller:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def call(self, method: str, path: str, body: bytes | None = None) -> Said:
        """Raises NoGateway if there is no answer, BadInput for a path that is none. A body is sent as JSON."""
        headers = {} if body is None else {"content-type": "application/json"}
        began = monotonic()
        try:
            response = await self._http.request(method, path, content=body, headers=headers)
        except httpx2.InvalidURL as error:
            raise BadInput(f"{path[:80]!a} is no path: {error}") from error
        except httpx2.ConnectError as error:
            raise NoGateway(f"no gateway answers at {self._authority}; mesh up starts one") from error
        except httpx2.HTTPError as error:
            raise NoGateway(f"the gateway at {self._authority} gave no answer: {type(error).__name__}") from error
        attempts = response.headers.get("x-attempts", "1")
        return Said(
            status=response.status_code,
            served_by=response.headers.get("x-served-by"),
            attempts=int(attempts) if attempts.isdigit() else 1,
            ms=round((monotonic() - began) * 1000, 2),
            body=response.text,
        )


async def reach(host: str, port: int) -> None:
    """Raises NoGateway unless somebody listens there."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), CONNECT_WITHIN)
    except (OSError, TimeoutError) as error:
        raise NoGateway(f"no gateway answers at {authority(host, port)}; mesh up starts one") from error
    writer.close()
    await writer.wait_closed()
