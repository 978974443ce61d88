"""Consul's HTTP API as typed, asynchronous calls: py-consul over httpx2, and the only importer of `consul`.

Every call has a timeout and raises nothing but RegistryError.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import httpx2
from consul import base
from consul.callback import CB
from consul.exceptions import ConsulException

from discovery.documents import Answer, Entry, Registration, duration, entry, listing, reading, tags_by_service
from discovery.errors import RegistryGarbled, RegistryRefused, RegistryUnreachable, SettingsError
from discovery.instance import Health, Instance
from discovery.settings import ConsulSettings

Value = TypeVar("Value")

CALL_TIMEOUT = 5.0
"""Seconds for a call that does not block; a blocking one gets this on top of its wait."""

PLACES = 64
"""Addresses of an agent that are remembered: a name may stand for many, one after another."""


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
        self.places: set[tuple[str, int]] = set()
        """Addresses and ports at which the agent has answered."""
        self._settings = settings
        self._http = httpx2.AsyncClient(
            verify=settings.tls(),
            transport=transport,
            trust_env=False,
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=8),
        )
        self._api = _Api(settings, self._http, patience, self.places)

    @property
    def host(self) -> str:
        return self._settings.host

    @property
    def port(self) -> int:
        return self._settings.port

    async def __aenter__(self) -> Consul:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

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
    def __init__(
        self, settings: ConsulSettings, http: httpx2.AsyncClient, patience: float, places: set[tuple[str, int]]
    ) -> None:
        self._client = http
        self._patience = patience
        self._places = places
        self._server_name = settings.tls_server_name
        super().__init__(
            host=settings.host, port=settings.port, scheme=settings.scheme, verify=settings.http_ssl_verify
        )
        self.token = None  # py-consul took it from the environment; each call names its own

    def http_connect(self, host: str, port: int, scheme: str, *_: object, **__: object) -> _Http:
        named = f"[{host}]" if ":" in host else host
        return _Http(self._client, named, port, scheme, self._server_name, self._patience, self._places)


class _Http(base.HTTPClient):  # type: ignore[misc] # py-consul is untyped
    """py-consul's own seam: where its standard client would block, this one awaits."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        host: str,
        port: int,
        scheme: str,
        server_name: str | None,
        patience: float,
        places: set[tuple[str, int]],
    ) -> None:
        super().__init__(host, port, scheme)
        self._places = places
        self._client = client
        self._patience = patience
        self._extensions = {"sni_hostname": server_name} if server_name else {}

    async def get(
        self,
        callback: Callable[[base.Response], Value],
        path: str,
        params: list[tuple[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        raw: bool = False,  # noqa: ARG002 (py-consul's signature)
    ) -> Value:
        request = self._request("GET", self.uri(path, params), headers, b"")
        return await self._send(request, callback, self._patience + _longest_wait(dict(params or ())))

    async def put(
        self,
        callback: Callable[[base.Response], Value],
        path: str,
        params: list[tuple[str, Any]] | None = None,
        data: str | bytes = "",
        headers: dict[str, str] | None = None,
    ) -> Value:
        request = self._request("PUT", self.uri(path, params), headers, data)
        return await self._send(request, callback, self._patience)

    def post(self, *_: object, **__: object) -> Awaitable[Any]:
        raise NotImplementedError("nothing that the project uses is a POST or a DELETE")

    delete = post

    def close(self) -> None:
        """The client belongs to `Consul`, which closes it."""

    def _request(self, method: str, url: str, headers: dict[str, str] | None, content: str | bytes) -> httpx2.Request:
        return self._client.build_request(
            method, url, headers=headers, content=content or None, timeout=None, extensions=self._extensions
        )

    async def _send(self, request: httpx2.Request, callback: Callable[[base.Response], Value], timeout: float) -> Value:
        try:
            async with asyncio.timeout(timeout):  # over all: an answer that drips is late too
                response = await self._client.send(request)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise RegistryUnreachable(f"Consul cannot be asked: {type(error).__name__}") from error
        self._note_place(response)
        _raise_for_status(response)
        try:
            return callback(base.Response(response.status_code, response.headers, response.text))
        except (ConsulException, ValueError, RecursionError) as error:
            raise RegistryGarbled(f"Consul's answer to {request.url.path} is not what it promises") from error

    def _note_place(self, response: httpx2.Response) -> None:
        stream = response.extensions.get("network_stream")
        place = stream.get_extra_info("server_addr") if stream is not None else None
        if place and len(self._places) < PLACES:
            self._places.add((str(place[0]), int(place[1])))


def _raise_for_status(response: httpx2.Response) -> None:
    if response.headers.get("x-consul-knownleader") == "false":
        raise RegistryUnreachable("Consul has no leader")
    status = response.status_code
    if status >= 500:
        raise RegistryUnreachable(f"Consul answered {status}")
    if status not in (200, 404):
        raise RegistryRefused(f"Consul answered {status}")


def _longest_wait(params: Mapping[str, Any]) -> float:
    """Consul adds up to a sixteenth to a wait, so that not all queries come back at once."""
    seconds = str(params.get("wait", "0s")).removesuffix("s")
    return float(seconds) * 17 / 16
