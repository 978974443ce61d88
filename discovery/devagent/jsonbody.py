"""A JSON request body, read as Go's decoder reads one and refused in its words.

Names are matched without regard to case, and `snake_case` is accepted for `CamelCase`, as Consul does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from discovery.devagent import durations

GO_KINDS = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
}


class BadBody(ValueError):
    """A body that is not the document it should be. The message is meant for the caller."""


class Document:
    """One JSON object whose fields are asked for by name and type; null and absent are alike."""

    def __init__(self, value: object, names: Iterable[str], *, what: str = "") -> None:
        if value is not None and not isinstance(value, dict):
            _refuse(value, what, "object")
        known = {_plain(name): name for name in names}
        self._values: dict[str, Any] = {}
        for name, each in (value or {}).items():
            if _plain(name) not in known:
                raise BadBody(f'Request decode failed: json: unknown field "{_clean(name)}"')
            if each is not None:
                self._values[known[_plain(name)]] = each

    def raw(self, name: str) -> Any:
        return self._values.get(name)

    def refuse(self, names: Iterable[str], of: str) -> None:
        """Raises BadBody for the first of these fields that is set to anything but nothing."""
        for name in names:
            if self._values.get(name):
                raise BadBody(f"{name} of a {of} is not supported by the devagent")

    def text(self, name: str) -> str:
        return _text(self._values.get(name), name)

    def number(self, name: str, default: int = 0) -> int:
        value = self._values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
            _refuse(value, name, "int")
        return value

    def flag(self, name: str) -> bool:
        value = self._values.get(name, False)
        return value if isinstance(value, bool) else _refuse(value, name, "bool")

    def array(self, name: str) -> list[Any]:
        value = self._values.get(name, [])
        return value if isinstance(value, list) else _refuse(value, name, "array")

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._values.get(name, [])
        if not isinstance(value, list):
            _refuse(value, name, "[]string")
        return tuple(_text(each, name) for each in value)

    def mapping(self, name: str) -> Mapping[str, str]:
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            _refuse(value, name, "map[string]string")
        return {_clean(key): _text(each, name) for key, each in value.items()}

    def duration(self, name: str) -> float:
        """Seconds, from a Go duration or a number of nanoseconds; 0 for what is neither, as in Consul."""
        value = self._values.get(name)
        if isinstance(value, str):
            try:
                return durations.parse(value)
            except ValueError as error:
                raise BadBody(f"Request decode failed: {error}") from None
        return value * 1e-9 if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def parse(body: bytes) -> object:
    """The JSON value in a body. Raises BadBody."""
    text = body.decode(errors="replace")
    if not text.strip():
        raise BadBody("Request decode failed: EOF")
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise BadBody("Request decode failed: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise BadBody(f"Request decode failed: {_in_go(error, text)}") from None
    except ValueError as error:  # a number of thousands of digits, or NaN
        raise BadBody(f"Request decode failed: {error}") from None


def _in_go(error: json.JSONDecodeError, text: str) -> str:
    if error.pos >= len(text.rstrip()) or "Unterminated string" in error.msg:
        return "unexpected EOF"
    wanted = "object key string" if "property name" in error.msg else "value"
    return f"invalid character '{_clean(text[error.pos])}' looking for beginning of {wanted}"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"invalid literal {name}")


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _clean(text: str) -> str:
    """Half a surrogate pair cannot leave again as UTF-8; Go puts a replacement character in its place."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _text(value: object, name: str) -> str:
    """null is empty, as everywhere in Go."""
    return _clean(value) if isinstance(value, str) else "" if value is None else _refuse(value, name, "string")


def _refuse(value: object, name: str, wanted: str) -> NoReturn:
    kind = GO_KINDS[type(value)]
    shown = f"number {value}" if isinstance(value, float) and wanted == "int" else kind
    where = f"struct field .{name}" if name else "value"
    raise BadBody(f"Request decode failed: json: cannot unmarshal {shown} into Go {where} of type {wanted}")
