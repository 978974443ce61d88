"""The routes of one service: what its instances say together, and which of them a path takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from discovery.errors import RouteError
from discovery.tags import Route, is_route, route

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Routes:
    """Routes by prefix, and a sentence for each tag or option that does not count."""

    by_prefix: Mapping[str, Route] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def match(self, path: str) -> Route | None:
        return longest_prefix(self.by_prefix, path)


def agreed(tags_of_instances: Iterable[Sequence[str]]) -> Routes:
    """The routes of a service. Options count only while all instances that name a prefix agree on them."""
    said: dict[str, set[Route]] = {}
    problems: set[str] = set()
    for tag in (tag for tags in tags_of_instances for tag in tags if is_route(tag)):
        try:
            found = route(tag)
        except RouteError as error:
            problems.add(f"{tag[:200]!r}: {str(error)[:200]}")
        else:
            said.setdefault(found.prefix, set()).add(found)
    for prefix, variants in said.items():
        if len(variants) > 1:
            problems.add(f"{prefix}: instances disagree about its options, so none count")
    by_prefix = {prefix: variants.pop() if len(variants) == 1 else Route(prefix) for prefix, variants in said.items()}
    return Routes(by_prefix, tuple(sorted(problems)))


def longest_prefix(by_prefix: Mapping[str, V], path: str) -> V | None:
    """What stands under the longest prefix of a path, in whole segments: `/a/b` is under `/a`, `/ab` is not."""
    while path:
        found = by_prefix.get(path)
        if found is not None:
            return found
        path = path[: path.rindex("/")] if "/" in path else ""
    return by_prefix.get("/")
