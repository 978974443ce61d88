"""The last known instances on disk, so that a caller that starts while the registry is down can serve.

What comes from here is proven by a probe before it gets a request.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from pydantic import TypeAdapter

from discovery.instance import Instance
from discovery.pool import Pool

log = logging.getLogger(__name__)

FORM = 1
"""The form of the file; another one is not read."""


class LastKnown:
    """Writes at most once in `pause` seconds, off the loop. The file belongs to its user alone (0600)."""

    def __init__(self, path: Path, *, pause: float = 1.0) -> None:
        self._path = path
        self._pause = pause
        self._instances: dict[str, tuple[Instance, ...]] = {}
        self._writing: asyncio.Task[None] | None = None
        self._is_changed = False
        self._is_closing = asyncio.Event()

    def recall(self) -> Mapping[str, Sequence[Instance]]:
        """What a former process knew, by service. A file that is missing or broken is nothing."""
        try:
            self._instances = _read(self._path)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            log.warning("the last known instances cannot be read", extra={"error": type(error).__name__})
        return dict(self._instances)

    def note(self, pool: Pool) -> None:
        """Keep what a service has now. One that has nobody any more keeps what it had."""
        instances = tuple(each.instance for each in pool.upstreams if each.is_listed)
        if instances and instances != self._instances.get(pool.service):
            self._instances[pool.service] = instances
            self._is_changed = True
            if self._writing is None:
                self._writing = asyncio.create_task(self._write_soon(), name="last known")

    async def aclose(self) -> None:
        """Write what is still to be written, after what is being written: the older must not come last."""
        self._is_closing.set()
        if self._writing is not None:
            await self._writing

    async def _write_soon(self) -> None:
        try:
            while self._is_changed:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pause):
                        await self._is_closing.wait()
                self._is_changed = False
                await asyncio.to_thread(self._write, self._all())
        finally:
            self._writing = None

    def _all(self) -> Sequence[Instance]:
        """Gathered on the loop: a thread must not walk through what the loop changes."""
        return [each for found in self._instances.values() for each in found]

    def _write(self, instances: Sequence[Instance]) -> None:
        document = {"form": FORM, "instances": [asdict(each) for each in instances]}
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(self._path, json.dumps(document))
        except OSError as error:
            log.warning("the last known instances cannot be kept", extra={"error": str(error.strerror)})


def _replace(path: Path, text: str) -> None:
    """All of it or nothing, also when the disk is full or the machine goes down. Raises OSError."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # else a crash may leave the new name with nothing behind it
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise


def _read(path: Path) -> dict[str, tuple[Instance, ...]]:
    document: Mapping[str, Any] = json.loads(path.read_bytes())
    if document["form"] != FORM:
        raise ValueError("another form")
    found: dict[str, list[Instance]] = {}
    for instance in TypeAdapter(tuple[Instance, ...]).validate_python(document["instances"]):
        found.setdefault(instance.service, []).append(instance)
    return {service: tuple(instances) for service, instances in found.items()}
