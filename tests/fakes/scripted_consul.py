"""A Consul on a real socket that lists what it is told, blocks as Consul does, and can talk nonsense."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence

from discovery.instance import Instance
from tests.fakes.http_server import Received, response, sends


class ScriptedConsul:
    """Blocks as Consul does, unless it is told to answer everything with `nonsense`."""

    def __init__(self) -> None:
        self.nonsense: Callable[[Received], bytes] | None = None
        self.index = 10
        self._listed: tuple[Instance, ...] = ()
        self._changed = asyncio.Event()

    def list(self, *listed: Instance) -> None:
        self._listed = listed
        self.index += 1
        self.tell()

    def tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> None:
        if self.nonsense is None and f"index={self.index}" in request.target:
            await self._changed.wait()
        said = self.nonsense(request) if self.nonsense else self.truth(request)
        await sends(said, close=self.nonsense is not None)(request, writer)

    def truth(self, request: Received, index: object = None, **headers: str) -> bytes:
        """What a Consul in good health would say, under that index."""
        service = request.target.partition("?")[0].rpartition("/")[2]
        listed = [each for each in self._listed if each.service == service]
        return answer(request, catalog(self._listed), health(listed), index or self.index, **headers)


def answer(request: Received, services: object, listing: object, index: object, **headers: str) -> bytes:
    body = json.dumps(services if request.target.startswith("/v1/catalog") else listing)
    return response(body, 200, x_consul_index=str(index), **headers)


def catalog(listed: Sequence[Instance]) -> Mapping[str, Sequence[str]]:
    """With the one service that every Consul lists."""
    tags: dict[str, set[str]] = {"consul": set()}
    for each in listed:
        tags.setdefault(each.service, set()).update(each.tags)
    return {service: sorted(said) for service, said in tags.items()}


def health(listed: Sequence[Instance]) -> list[object]:
    return [
        {
            "Node": {"Address": "10.0.0.1"},
            "Service": {
                "ID": each.id,
                "Service": each.service,
                "Address": each.address,
                "Port": each.port,
                "Tags": list(each.tags),
                "Meta": dict(each.meta),
            },
            "Checks": [{"Status": each.health}],
        }
        for each in listed
    ]
