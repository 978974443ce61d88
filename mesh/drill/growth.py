"""What a gateway holds when nobody asks it anything, before a drill and after it, and what of that is left over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass

ALLOCATOR_KEEPS = 8.0
"""MB by which memory may grow. What the worst moment took stays with the process: some 10 KB for each of the 512
connections that a load may open when answers are late, and that moment need not have been in the rehearsal. A leak of
100 bytes a request would be 10 MB in a hundred kills at 500 requests a second."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What one gateway holds at a moment.

    in_flight: requests that it thinks instances are busy with
    half_closed: connections that the other side has closed, and the gateway has not
    clients, idle: connections with clients; connections to instances, which it keeps for the next request
    descriptors: files and sockets but for those to instances and those that such questions come by
    tasks: of its event loop
    memory: resident bytes
    """

    in_flight: int = 0
    half_closed: int = 0
    clients: int = 0
    idle: int = 0
    descriptors: int = 0
    tasks: int = 0
    memory: int = 0

    @property
    def is_quiet(self) -> bool:
        """Whether it is connected to nobody but the registry."""
        return not self.clients and not self.idle


def most(looks: Iterable[Holdings]) -> Holdings:
    """Of each the most that was seen."""
    return Holdings(*map(max, zip(*map(astuple, looks), strict=True)))


@dataclass(frozen=True, slots=True)
class Growth:
    """`warm`: `before` was seen after a rehearsal, and both once idle connections had ended. Only then can connections
    to instances and memory be compared: a process that has served nothing yet has neither.
    """

    before: Holdings
    after: Holdings
    warm: bool = False

    @property
    def tasks(self) -> int:
        return max(0, self.after.tasks - self.before.tasks)

    @property
    def descriptors(self) -> int:
        return max(0, self.after.descriptors - self.before.descriptors)

    @property
    def connections(self) -> int:
        """With clients, of whom none is there any more; and to instances."""
        return self.after.clients + (max(0, self.after.idle - self.before.idle) if self.warm else 0)

    @property
    def memory_mb(self) -> float | None:
        return round((self.after.memory - self.before.memory) / 1e6, 1) if self.warm else None

    def as_json(self) -> dict[str, int | float | None]:
        return {
            "in_flight": self.after.in_flight,
            "half_closed": self.after.half_closed,
            "tasks": self.tasks,
            "descriptors": self.descriptors,
            "connections": self.connections,
            "memory_mb": self.memory_mb,
        }

    def faults(self) -> Iterator[str]:
        """What is left over that must not be, in words."""
        for count, what in (
            (self.after.in_flight, "requests are still in flight, of which nobody knows"),
            (self.after.half_closed, "connections were closed by the other side only"),
            (self.connections, "connections are left, and nobody sends anything"),
            (self.descriptors, "more file descriptors are open than before"),
            (self.tasks, "more tasks run than before"),
        ):
            if count:
                yield f"{count} {what}"
        if self.memory_mb is not None and self.memory_mb > ALLOCATOR_KEEPS:
            yield f"memory grew by {self.memory_mb:g} MB, more than the {ALLOCATOR_KEEPS:g} that an allocator may keep"
