"""Consul's HTTP API as typed, asynchronous calls: py-consul over httpx2, and the only importer of `consul`.

Every call has a timeout and raises nothing but RegistryError.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import httpx2
from consul import base
from consul.callback import CB
from consul.exceptions import ConsulException

from discovery.asking import CALL_TIMEOUT, Line
from discovery.documents import Answer, Entry, Registration, duration, entry, listing, reading, tags_by_service
from discovery.errors import RegistryGarbled, RegistryRefused, SettingsError
from discovery.instance import Health, Instance
from discovery.settings import ConsulSettings

Value = TypeVar("Value")


class Consul:
    """One agent. Holds a pool of connections: close it with `aclose`, or use `async with`. Raises SettingsError.

    `patience`: seconds that an answer may take, on top of what the question itself wants to wait.
    """

    def __init__(
        self,
        settings: ConsulSettings,
        transport: httpx2.AsyncBaseTransport | None = None,
        *,
        patience: float = CALL_TIMEOUT,
    ) -> None:
        settings.token()
        self._settings = settings
        self._line = Line(settings, transport, patience)
        self._api = _Api(settings, self._line)

    @property
    def host(self) -> str:
        return self._settings.host

    @property
    def port(self) -> int:
        return self._settings.port

    @property
    def places(self) -> Collection[tuple[str, int]]:
        """Addresses and ports at which it has answered: the collection grows."""
        return self._line.places

    async def __aenter__(self) -> Consul:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._line.aclose()

    async def version(self) -> str:
        document = await self._get("/v1/agent/self")
        with reading():
            return str(document["Config"]["Version"])

    async def register(self, registration: Registration, health: Health = "passing") -> None:
        """Register the instance with one HTTP check, whose first state is `health`."""
        instance = registration.instance
        is_done = await self._api.agent.service.register(
            instance.service,
            service_id=instance.id,
            address=instance.address,
            port=instance.port,
            tags=list(instance.tags),
            meta=dict(instance.meta),
            check=registration.check(health),
            weights={"Passing": instance.weight, "Warning": instance.weight},
            replace_existing_checks=True,
            token=self._token(),
        )
        if not is_done:
            raise RegistryRefused("what answers in Consul's place knows no registrations")

    async def deregister(self, instance_id: str) -> None:
        await self._api.agent.service.deregister(instance_id, token=self._token())

    async def entry(self, instance_id: str, *, content_hash: str = "", wait: float = 60.0) -> Entry | None:
        """The agent's record of an instance, None when it has none. With a hash: waits until it differs."""
        params = [("hash", content_hash), ("wait", duration(wait))] if content_hash else []
        document = await self._get(f"/v1/agent/service/{instance_id}", params)
        return None if document is None else entry(document)

    async def services(self, *, index: int = 0, wait: float = 60.0) -> Answer[Mapping[str, Sequence[str]]]:
        """Every service with all tags that any of its instances has."""
        found, document = await self._api.catalog.services(
            index=index or None, wait=duration(wait), token=self._token()
        )
        return tags_by_service(found, document)

    async def instances(self, service: str, *, index: int = 0, wait: float = 60.0) -> Answer[tuple[Instance, ...]]:
        """Every instance of a service, whatever its health."""
        found, document = await self._api.health.service(
            service, index=index or None, wait=duration(wait), token=self._token()
        )
        return listing(found, document)

    def _token(self) -> str | None:
        """Read anew for each call, as tokens are rotated."""
        try:
            return self._settings.token()
        except SettingsError as error:
            raise RegistryRefused(str(error)) from error

    async def _get(self, path: str, params: Sequence[tuple[str, str]] = ()) -> Any:
        headers = self._api.prepare_headers(self._token())
        return await self._api.http.get(CB.json(), path, params=list(params), headers=headers)


class _Api(base.Consul):  # type: ignore[misc] # py-consul is untyped
    def __init__(self, settings: ConsulSettings, line: Line) -> None:
        self._line = line
        super().__init__(
            host=settings.host, port=settings.port, scheme=settings.scheme, verify=settings.http_ssl_verify
        )
        self.token = None  # py-consul took it from the environment; each call names its own

    def http_connect(self, host: str, port: int, scheme: str, *_: object, **__: object) -> _Http:
        return _Http(self._line, f"[{host}]" if ":" in host else host, port, scheme)


class _Http(base.HTTPClient):  # type: ignore[misc] # py-consul is untyped
    """py-consul's own seam: where its standard client would block, this one awaits."""

    def __init__(self, line: Line, host: str, port: int, scheme: str) -> None:
        super().__init__(host, port, scheme)
        self._line = line

    async def get(
        self,
        callback: Callable[[base.Response], Value],
        path: str,
        params: list[tuple[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        raw: bool = False,  # noqa: ARG002 (py-consul's signature)
    ) -> Value:
        wait = str(dict(params or ()).get("wait", "0s")).removesuffix("s")
        return _read(await self._line.ask("GET", self.uri(path, params), headers, wait=float(wait)), callback)

    async def put(
        self,
        callback: Callable[[base.Response], Value],
        path: str,
        params: list[tuple[str, Any]] | None = None,
        data: str | bytes = "",
        headers: dict[str, str] | None = None,
    ) -> Value:
        return _read(await self._line.ask("PUT", self.uri(path, params), headers, data), callback)

    def post(self, *_: object, **__: object) -> Awaitable[Any]:
        raise NotImplementedError("nothing that the project uses is a POST or a DELETE")

    delete = post

    def close(self) -> None:
        """The line belongs to `Consul`, which closes it."""


def _read(response: httpx2.Response, callback: Callable[[base.Response], Value]) -> Value:
    try:
        return callback(base.Response(response.status_code, response.headers, response.text))
    except (ConsulException, ValueError, RecursionError) as error:
        path = response.request.url.path
        raise RegistryGarbled(f"Consul's answer to {path} is not what it promises") from error
