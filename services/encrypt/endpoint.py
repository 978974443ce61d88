"""One callable for each operation, and what may be wrapped around any of them.

Endpoint     (context, request) → response
Middleware   Endpoint → Endpoint; `chain(a, b, c)` calls a first
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, fields
from functools import reduce
from typing import Any, Protocol, TypeAlias, TypeVar

from services.encrypt.service import EncryptService

Request = TypeVar("Request")
Response = TypeVar("Response")


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks, as far as the transport knows: empty, or safe to print."""

    request_id: str = ""
    traceparent: str = ""


Endpoint: TypeAlias = Callable[[Context, Request], Coroutine[Any, Any, Response]]


class Middleware(Protocol):
    def __call__(self, following: Endpoint[Request, Response], /) -> Endpoint[Request, Response]: ...


def chain(*middleware: Middleware) -> Middleware:
    """One middleware of many, in the order in which a request meets them."""

    def wrap(following: Endpoint[Request, Response]) -> Endpoint[Request, Response]:
        return reduce(lambda inner, outer: outer(inner), reversed(middleware), following)

    return wrap


@dataclass(frozen=True, slots=True)
class EncryptRequest:
    text: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EncryptResponse:
    message: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DecryptRequest:
    message: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DecryptResponse:
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Everything that the service can be asked, whatever the transport."""

    encrypt: Endpoint[EncryptRequest, EncryptResponse]
    decrypt: Endpoint[DecryptRequest, DecryptResponse]


OPERATIONS = tuple(each.name for each in fields(Endpoints))


def endpoints(service: EncryptService, wrapped: Callable[[str], Middleware]) -> Endpoints:
    """`wrapped(operation)` is the middleware for the operation of that name."""

    async def encrypt(_: Context, request: EncryptRequest) -> EncryptResponse:
        return EncryptResponse(await service.encrypt(request.key, request.text))

    async def decrypt(_: Context, request: DecryptRequest) -> DecryptResponse:
        return DecryptResponse(await service.decrypt(request.key, request.message))

    return Endpoints(encrypt=wrapped("encrypt")(encrypt), decrypt=wrapped("decrypt")(decrypt))
