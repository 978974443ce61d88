"""A probe that finds what it is told to find."""

from __future__ import annotations

from discovery.instance import Instance
from discovery.probe import Verdict


class ScriptedProbe:
    """`find` sets what is found from now on; one that was not told of is found silent. `asked` lists every question."""

    def __init__(self) -> None:
        self.asked: list[Instance] = []
        self._coming: dict[str, list[Verdict]] = {}

    def find(self, instance_id: str, *verdicts: Verdict) -> None:
        """One after another; the last one for ever."""
        self._coming[instance_id] = list(verdicts)

    async def ask(self, instance: Instance) -> Verdict:
        self.asked.append(instance)
        coming = self._coming.get(instance.id, [Verdict.SILENT])
        return coming.pop(0) if len(coming) > 1 else coming[0]
