"""Whatever happens to instances and registry, in whatever order: what must hold of the library as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from discovery.errors import CallFailed
from discovery.upstream import Standing
from tests.discovery.world import SAFE, Process, World
from tests.fakes.simulation import SimulatedLoop

NAMES = [f"web-{number}" for number in range(1, 5)]
PORTS = range(9001, 9006)
STEP = 0.1


class Anything(RuleBasedStateMachine):
    """Register, kill, restart on the same port and on another, hang, be taken over; Consul down, back, empty, blind."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = SimulatedLoop()
        self.runner = asyncio.Runner(loop_factory=lambda: self.loop)
        self.world = self.runner.run(self._begin())
        self.known: set[Process] = set()

    async def _begin(self) -> World:
        return World()

    def teardown(self) -> None:
        self.time_passes(3.0)
        self.runner.run(self.world.end())
        self.runner.close()
        assert self.loop.complaints == []

    def do(self, what: Callable[[], object], seconds: float = 0.05) -> None:
        """Do it on the loop, and let some time pass; the first seconds are watched closely."""

        async def on_loop() -> None:
            what()
            for _ in range(min(round(seconds / STEP), 30)):
                await asyncio.sleep(STEP)
                self.nothing_that_answers_is_missing()
            await asyncio.sleep(max(STEP, seconds - 30 * STEP))

        self.runner.run(on_loop())

    def some(self, data: st.DataObject, processes: list[Process]) -> Process:
        return data.draw(st.sampled_from(processes))

    # Instances

    @property
    def free_ports(self) -> list[int]:
        return [port for port in PORTS if port not in self.world.ports]

    @property
    def free_names(self) -> list[str]:
        taken = {each.instance.id for each in self.world.ours if each.instance}
        return [name for name in NAMES if name not in taken]

    @property
    def serving(self) -> list[Process]:
        return [each for each in self.world.ours if not each.is_hung and not each.leaving]

    @initialize(count=st.integers(1, 4))
    def begin(self, count: int) -> None:
        for name, port in zip(NAMES[:count], PORTS, strict=False):
            self.do(partial(self.world.start, name, port))

    @precondition(lambda self: self.free_names and self.free_ports)
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        name, port = data.draw(st.sampled_from(self.free_names)), data.draw(st.sampled_from(self.free_ports))
        self.do(lambda: self.world.start(name, port))

    @precondition(lambda self: self.world.ports)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        process = self.some(data, list(self.world.ports.values()))
        self.do(lambda: self.world.kill(process))

    @precondition(lambda self: self.serving)
    @rule(data=st.data())
    def terminate(self, data: st.DataObject) -> None:
        process = self.some(data, self.serving)
        self.do(lambda: self.world.terminate(process))

    @precondition(lambda self: self.serving)
    @rule(data=st.data())
    def hang(self, data: st.DataObject) -> None:
        self.some(data, self.serving).is_hung = True

    @precondition(lambda self: any(each.is_hung for each in self.world.ours))
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        self.some(data, [each for each in self.world.ours if each.is_hung]).is_hung = False

    @precondition(lambda self: self.free_ports)
    @rule(data=st.data())
    def take_over(self, data: st.DataObject) -> None:
        self.world.take_over(data.draw(st.sampled_from(self.free_ports)))

    # The registry

    @precondition(lambda self: self.world.is_up)
    @rule()
    def consul_goes_down(self) -> None:
        self.do(self.world.go_down)

    @precondition(lambda self: not self.world.is_up)
    @rule(empty=st.booleans())
    def consul_comes_back(self, empty: bool) -> None:
        self.do(lambda: self.world.come_back(empty=empty), 1.5)

    @rule(seconds=st.sampled_from([0.3, 3.0, 30.0]))
    def consul_lists_nobody_for_a_while(self, seconds: float) -> None:
        self.do(lambda: self.world.be_blind(True), seconds)
        self.call(1)
        self.do(lambda: self.world.be_blind(False))

    @rule()
    def the_index_goes_back(self) -> None:
        self.do(self.world.turn_back)

    # Time and calls

    @rule(seconds=st.sampled_from([0.3, 1.0, 3.0, 30.0, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.do(lambda: None, seconds)
        if seconds > SAFE.attempt_timeout:
            self.nothing_is_left()

    @rule(count=st.sampled_from([1, 1, 5, 30]))
    def call(self, count: int) -> None:
        calm = not any(each.is_hung for each in self.world.ports.values())
        there = self.known & set(self.serving)

        async def calls() -> list[object]:
            return list(await asyncio.gather(*(self.world.call() for _ in range(count))))

        outcomes = self.runner.run(calls())
        if calm and there:
            assert not [each for each in outcomes if isinstance(each, CallFailed)]

    # What must hold

    @invariant()
    def nothing_that_answers_is_missing(self) -> None:
        """Once the caller knows an instance it keeps it for as long as the instance answers."""
        held = {each.instance.identity: each for each in self.world.pool.upstreams}
        self.known &= set(self.serving)
        for process in self.known:
            assert process.instance
            assert process.instance.identity in held
        self.known |= {
            each
            for each in self.serving
            if each.instance and each.instance.identity in held and held[each.instance.identity].is_listed
        }

    @invariant()
    def one_that_answers_can_be_chosen(self) -> None:
        held = {each.instance.identity: each for each in self.world.pool.upstreams}

        now = self.loop.time()
        standings = [held[each.instance.identity].standing(now) for each in self.known if each.instance]
        assert Standing.BARRED not in standings

    @invariant()
    def nothing_else_went_wrong(self) -> None:
        assert self.world.violations == []

    def nothing_is_left(self) -> None:
        """Nobody is busy with a call that is over: not even with a trial, which may last as long as an attempt."""
        assert [each.in_flight for each in self.world.pool.upstreams if each.in_flight] == []
        assert not any(each.ejection.trial for each in self.world.pool.upstreams)


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=30, stateful_step_count=40, deadline=None, derandomize=True)
