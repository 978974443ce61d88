"""What is done in each drill."""

from __future__ import annotations

import asyncio
import signal

from mesh.drill.scene import Scene

SLOW_MS = 300

DEADLINE = 1
"""Seconds for a whole request, where nobody answers in time."""

TOO_SLOW_MS = 3000

FLAKY_EVERY = 10

MORE = 2
"""Instances that are added."""


async def kill(scene: Scene) -> None:
    scene.signal(scene.victim, signal.SIGKILL)
    await scene.hold()
    await scene.restart(scene.victim)


async def term(scene: Scene) -> None:
    scene.signal(scene.victim, signal.SIGTERM)
    await scene.hold()
    await scene.until_down(scene.victim)
    await scene.restart(scene.victim)


async def stop(scene: Scene) -> None:
    scene.signal(scene.victim, signal.SIGSTOP)
    await scene.hold()
    await scene.wake(scene.victim)


async def restart(scene: Scene) -> None:
    await scene.restart(scene.victim)


async def rolling(scene: Scene) -> None:
    for instance in reversed(scene.instances):
        await scene.restart(instance)


async def sick(scene: Scene) -> None:
    await scene.make(scene.victim, sick=True)
    await scene.hold()
    await scene.heal(scene.victim)


async def slow(scene: Scene) -> None:
    await scene.make(scene.victim, slow_ms=SLOW_MS)
    await scene.hold()
    await scene.heal(scene.victim)


async def all_slow(scene: Scene) -> None:
    await asyncio.gather(*(scene.make(each, slow_ms=TOO_SLOW_MS) for each in scene.instances))
    await scene.hold()
    await scene.heal(*scene.instances)


async def flaky(scene: Scene) -> None:
    await scene.make(scene.victim, flaky_every=FLAKY_EVERY)
    await scene.hold()
    await scene.heal(scene.victim)


async def registry_is_away(scene: Scene) -> None:
    scene.kill_registry()
    await scene.hold()
    await scene.restart_registry()


async def registry_restarts(scene: Scene) -> None:
    scene.kill_registry()
    await scene.restart_registry()


async def all_down(scene: Scene) -> None:
    for instance in scene.instances:
        scene.signal(instance, signal.SIGKILL)
    await scene.hold()
    await asyncio.gather(*map(scene.restart, scene.instances))


async def port_takeover(scene: Scene) -> None:
    scene.signal(scene.victim, signal.SIGKILL)
    await scene.until_down(scene.victim)
    stranger = await scene.take_over_the_port_of(scene.victim)
    try:
        await scene.hold()
        await scene.restart(scene.victim)
    finally:
        await stranger.leave()
    if stranger.requests > 1:
        scene.complaints.append(f"{stranger.requests} requests went to a stranger on the port of {scene.victim}")


async def scale(scene: Scene) -> None:
    added = await scene.scale(len(scene.instances) + MORE)
    scene.victim = added[0][0]
    await asyncio.gather(*(scene.arrives(instance, port) for instance, port in added))
    await scene.scale(len(scene.instances))
