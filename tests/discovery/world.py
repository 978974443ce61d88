"""A small world in simulated time: processes on ports, a registry that they register with, and a caller of theirs.

Processes do what ours do: they register, heal their entry, answer with their identity, deregister before they end.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from random import Random

from discovery.addresses import Forbidden
from discovery.caller import Caller
from discovery.errors import CallFailed, ConnectRefused, RegistryUnreachable
from discovery.identity import names_other_than
from discovery.instance import Identity, Instance
from discovery.journal import Journal
from discovery.pool import Pool
from discovery.probe import Verdict
from discovery.reply import Settle
from discovery.resolver import Resolver
from discovery.retry import Budget, Policy
from discovery.upstream import Upstream
from tests.fakes.instances import instance, says
from tests.fakes.registry import FakeRegistry
from tests.fakes.sender import FakeReply
from tests.fakes.simulation import clock

LINGER = 1.0
TRAVEL = 0.002
"""Seconds that a request and its answer take."""

HEARD = 3.0
"""Seconds after which a caller has certainly heard of what a calm registry says, and probed what it lost."""

SAFE = Policy(kept=True, replayable=True, hedgeable=True)


@dataclass(slots=True, eq=False)
class Process:
    """Something that listens on a port. `instance` is None for a foreign program."""

    port: int
    instance: Instance | None
    is_hung: bool = False
    leaving: bool = False

    @property
    def header(self) -> str | None:
        return says(self.instance) if self.instance else None


@dataclass(slots=True, eq=False)
class Sent:
    """A request on its way; `cancel` makes it nobody's. `was_free`: nobody can have carried it out."""

    at: float
    is_cancelled: bool = False
    was_free: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


@dataclass(eq=False)
class World:
    """Make it on a simulated loop, and `end` it there."""

    reserve: float = 1.0
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    ports: dict[int, Process] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)
    """When calls began."""
    repeats: list[float] = field(default_factory=list)
    """When attempts were made, beyond a call's first, of which somebody may have carried out a request."""

    def __post_init__(self) -> None:
        self.resolver = Resolver(
            self.registry, self, journal=Journal(), clock=clock, random=Random(7), forbidden=Forbidden()
        )
        self.pool: Pool = self.resolver.follow("web")
        self.caller = Caller(self.pool, random=Random(7), clock=clock)
        self.caller.budget = Budget(reserve=self.reserve)
        self._boots = 0
        self._calm_since = clock()
        self._gone: dict[Identity, float] = {}

    async def end(self) -> None:
        await self.resolver.aclose()

    # Processes

    @property
    def ours(self) -> list[Process]:
        return [each for each in self.ports.values() if each.instance]

    def start(self, name: str, port: int) -> None:
        self._boots += 1
        born = instance(name, address="10.0.0.1", port=port, boot=f"{self._boots:028x}")
        self.ports[port] = process = Process(port, born)
        self._register(process)

    def take_over(self, port: int) -> None:
        self.ports[port] = Process(port, None)

    def kill(self, process: Process) -> None:
        """Its entry stays, is critical after a second, and is reaped after a minute and a half."""
        del self.ports[process.port]
        if process.instance:
            loop = asyncio.get_running_loop()
            loop.call_later(1.0, self._find_critical, process.instance)
            loop.call_later(91.0, self._deregister, process.instance)

    def terminate(self, process: Process) -> None:
        """It deregisters if it can, answers for the linger, and ends."""
        assert process.instance
        process.leaving = True
        self._deregister(process.instance)
        asyncio.get_running_loop().call_later(LINGER, self._end, process)

    def _end(self, process: Process) -> None:
        if self.ports.get(process.port) is process:
            self.kill(process)

    # The registry

    @property
    def is_up(self) -> bool:
        return self.registry.trouble is None

    def go_down(self) -> None:
        self._disturb()
        self.registry.go_down(RegistryUnreachable("down"))

    def come_back(self, *, empty: bool) -> None:
        """Instances notice one after another, and register again if they have to."""
        self._disturb()
        self.registry.come_back(empty=empty)
        for number, process in enumerate(self.ours):
            asyncio.get_running_loop().call_later(0.1 + 0.7 * number, self._register, process)

    def be_blind(self, is_blind: bool) -> None:
        self._disturb()
        self.registry.is_blind = is_blind
        self.registry.tell()

    def turn_back(self) -> None:
        """Its index begins again."""
        self._disturb()
        self.registry.index = 0
        self.registry.tell()

    def _disturb(self) -> None:
        self._calm_since = clock()

    def _register(self, process: Process) -> None:
        living = self.ports.get(process.port) is process and not process.leaving
        if living and process.instance and self.is_up:
            self._gone.pop(process.instance.identity, None)
            self.registry.put(process.instance)

    def _deregister(self, leaving: Instance) -> None:
        others = [each for each in self.registry.entries if each.identity != leaving.identity]
        if self.is_up and len(others) < len(self.registry.entries):
            self.registry.remove(leaving.id)
            is_heard = clock() - self._calm_since > HEARD and not self.registry.is_blind
            if is_heard and others:
                self._gone[leaving.identity] = clock()

    def _find_critical(self, dead: Instance) -> None:
        if self.is_up and dead in self.registry.entries:
            self.registry.put(replace(dead, health="critical"))

    # What is on the wire

    async def ask(self, who: Instance) -> Verdict:
        """A probe."""
        await asyncio.sleep(TRAVEL)
        process = self.ports.get(who.port)
        if process is None:
            return Verdict.REFUSED
        if process.is_hung:
            await asyncio.sleep(1.0)
            return Verdict.SILENT
        return Verdict.STRANGER if names_other_than(who, process.header) else Verdict.ANSWERS

    def send(self, upstream: Upstream, settle: Settle[FakeReply]) -> Sent:
        who, sent = upstream.instance, Sent(clock())
        if clock() - self._gone.get(who.identity, clock()) > LINGER + HEARD:
            self.violations.append(f"{who.id} is gone and known to be, and was sent a request")
        asyncio.get_running_loop().call_later(TRAVEL, self._arrive, who, sent, settle)
        return sent

    def _arrive(self, who: Instance, sent: Sent, settle: Settle[FakeReply]) -> None:
        process = self.ports.get(who.port)
        if process and process.is_hung:
            return  # what hung processes of this world were sent is lost
        sent.was_free = process is None or names_other_than(who, process.header)
        if not sent.is_cancelled:
            settle(FakeReply(200, process.header) if process else ConnectRefused("connection refused"))

    # Calls

    async def call(self) -> FakeReply | CallFailed:
        """A call that may be repeated."""
        self.requests.append(clock())
        sent: list[Sent] = []

        def send(upstream: Upstream, settle: Settle[FakeReply]) -> Sent:
            sent.append(self.send(upstream, settle))
            return sent[-1]

        try:
            answered = await self.caller.call(SAFE, send)
        except CallFailed as failed:
            outcome: FakeReply | CallFailed = failed
        else:
            answered.done()
            outcome = answered.reply
        self._count([each.at for each in sent if not each.was_free])
        return outcome

    def _count(self, attempts: list[float]) -> None:
        if len(attempts) > SAFE.attempts:
            self.violations.append(f"{len(attempts)} attempts for one call")
        self.repeats += attempts[1:]
        for each in attempts[1:]:
            within = [sum(each - 10 < moment <= each for moment in times) for times in (self.requests, self.repeats)]
            if within[1] > 0.2 * within[0] + 10 * self.reserve:
                self.violations.append(f"{within[1]} repeats of {within[0]} requests")
