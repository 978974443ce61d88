"""HTTP requests and responses as values: what the API sees of the wire."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

TEXT = "text/plain; charset=utf-8"
NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is decoded; `rest` is what follows the path of a route that ends with `/*`."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, Sequence[str]]
    body: bytes = b""
    rest: str = ""

    def has(self, name: str) -> bool:
        return name in self.query

    def first(self, name: str) -> str:
        """The first value of a query parameter; empty where there is none."""
        return next(iter(self.query.get(name, ())), "")

    @property
    def pretty(self) -> bool:
        return self.has("pretty")


@dataclass(frozen=True, slots=True)
class Response:
    status: int = 200
    body: bytes | AsyncIterator[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """A request that gets a status and a sentence, as text, like Consul's own errors."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] = NONE) -> None:
        super().__init__(text)
        self.status, self.text, self.headers = status, text, headers


def text(status: int, sentence: str, headers: Mapping[str, str] = NONE) -> Response:
    kind = {"content-type": TEXT} if sentence else {}
    return Response(status, sentence.encode(), {**kind, **headers})


def as_json(value: object, headers: Mapping[str, str] = NONE, *, pretty: bool = False) -> Response:
    indent, separators = (4, (",", ": ")) if pretty else (None, (",", ":"))
    body = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators).encode()
    return Response(200, body, {"content-type": "application/json", **headers})
