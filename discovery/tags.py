"""A registry tag and the route that it asks for, in the form that Fabio's users know.

`urlprefix-/path` and options after it, separated by spaces: `strip=/prefix`, `replay=safe`, `timeout=30s`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from discovery.errors import RouteError

PREFIX = "urlprefix-"

_PATH = re.compile(r"/|(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~!$&'()*+,;=:@-]+)+")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Route:
    """Requests whose path has this prefix, in whole segments, go to the service."""

    prefix: str
    strip: str = ""
    replay_safe: bool = False
    timeout: float | None = None


def is_route(tag: str) -> bool:
    return tag.startswith(PREFIX)


@lru_cache(maxsize=4096)
def route(tag: str) -> Route:
    """The route that a tag asks for. Raises RouteError, which says why there is none."""
    path, *options = tag.removeprefix(PREFIX).split() or [""]
    if not path.startswith("/"):
        raise RouteError("it does not begin with a path; a host before that is not supported")
    said = dict(_option(option) for option in options)
    if len(said) < len(options):
        raise RouteError("an option is given twice")
    return Route(
        prefix=_clean(path),
        strip=_strip(said.get("strip", ""), _clean(path)),
        replay_safe="replay" in said,
        timeout=_timeout(said["timeout"]) if "timeout" in said else None,
    )


def _option(option: str) -> tuple[str, str]:
    name, _, value = option.partition("=")
    if name not in ("strip", "replay", "timeout"):
        raise RouteError(f"unknown option {name!r}")
    if name == "replay" and value != "safe":
        raise RouteError("replay can only be safe")
    return name, value


def _clean(path: str) -> str:
    path = path.rstrip("/") or "/"
    if not _PATH.fullmatch(path):
        raise RouteError(f"{path!r} is not a plain path")
    return path


def _strip(strip: str, prefix: str) -> str:
    if not strip:
        return ""
    strip = _clean(strip)
    if strip == "/" or not (prefix + "/").startswith(strip + "/"):
        raise RouteError(f"the prefix {prefix!r} does not begin with {strip!r}, which it should strip")
    return strip


def _timeout(value: str) -> float:
    parts = _DURATION.findall(value)
    if not parts or "".join(number + unit for number, unit in parts) != value:
        raise RouteError(f"{value!r} is no duration")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not 0 < seconds <= 3600:
        raise RouteError("a timeout lies between 1ms and 1h")
    return seconds
