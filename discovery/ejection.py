"""Whether an instance is admitted: admitting → ejected → probing → admitting. No I/O; the clock is passed in.

Numbers: 5 failures in a row and an ejection that doubles from 1 s to 30 s (Envoy's outlier detection, Linkerd's
failure accrual), success below 80 % of at least 10 requests in 10 s (Finagle's success rate policy).
"""

from __future__ import annotations

from enum import Enum
from random import Random

IN_A_ROW = 5
RATIO = 0.8
AT_LEAST = 10
WINDOW = 10.0
SHORTEST, LONGEST = 1.0, 30.0
NEVER = float("inf")


class Cause(Enum):
    """Why an instance is not admitted."""

    REFUSED = "connection refused"
    STRANGER = "somebody else answers on its port"
    FAILING = "too many failures"
    SILENT = "no answer"
    RESTING = "asked for a rest"
    UNPROVEN = "not heard from yet"


HEALED_BY_PROBE = frozenset({Cause.REFUSED, Cause.STRANGER, Cause.UNPROVEN})
"""A good answer to a background probe ends these."""

BARRED = frozenset({Cause.STRANGER, Cause.UNPROVEN})
"""No request may go there, not even as a last resort: it may be somebody else's port."""


class Ejection:
    """The record of one instance."""

    __slots__ = (
        "_bad",
        "_good",
        "_old_bad",
        "_old_good",
        "_random",
        "_streak",
        "_trials",
        "_turn",
        "cause",
        "level",
        "trial",
        "until",
    )

    def __init__(self, random: Random) -> None:
        self._random = random
        self.level = 0
        self.cause: Cause | None = None
        self.until = 0.0
        self.trial = 0
        """The number of the request that decides, 0 while there is none."""
        self._trials = 0
        self._turn = 0.0
        self._streak = self._good = self._bad = self._old_good = self._old_bad = 0

    @property
    def is_admitting(self) -> bool:
        return self.cause is None

    def admits(self, now: float) -> bool:
        """Whether a request may go there. After the time is up exactly one may, and decides."""
        return self.cause is None or (now >= self.until and not self.trial)

    def begin(self, now: float) -> int:
        """A request is on its way there. A number when it is the trial that decides: its outcome comes with it."""
        if self.cause is None or not self.admits(now):
            return 0
        self._trials += 1
        self.trial = self._trials
        return self.trial

    def succeeded(self, now: float, trial: int = 0) -> bool:
        """A good answer. True when this ended an ejection: only the trial does, late answers prove nothing."""
        if self.cause is not None:
            if not self._is_under_way(trial):
                return False
            self._reset(now)
            return True
        self._roll(now)
        self._good += 1
        self._streak = 0
        if self.level and self._good >= AT_LEAST:
            self.level = 0
        return False

    def failed(self, now: float, cause: Cause = Cause.FAILING, trial: int = 0) -> bool:
        """A bad answer or none. True when this began an ejection."""
        if self.cause is not None:
            if self._is_under_way(trial):
                self._eject(cause, now)
            return False
        self._roll(now)
        self._bad += 1
        self._streak += 1
        if self._streak < IN_A_ROW and not self._is_below_ratio():
            return False
        self._eject(cause, now)
        return True

    def refused(self, cause: Cause = Cause.REFUSED) -> bool:
        """Proof that the instance is not there. True when this began an ejection.

        A port that had a stranger may get one again: there a refusal proves nothing.
        """
        began = self.cause is None
        if self.cause not in BARRED or cause in BARRED:
            self.cause, self.until, self.trial = cause, NEVER, 0
        return began

    def rest(self, now: float, seconds: float, trial: int = 0) -> bool:
        """The instance asked not to be called for a while. True when this began an ejection."""
        began, until = self.cause is None, now + min(seconds, LONGEST)
        if self.cause is Cause.RESTING:
            self.until = max(self.until, until)
        elif began or self._is_under_way(trial):
            self.cause, self.until = Cause.RESTING, until
        self.abandoned(trial)
        return began

    def answered_probe(self, now: float) -> bool:
        """A background probe got a good answer. True when the instance is admitted again by that alone.

        One that failed requests gets a real one to decide, at once.
        """
        if self.cause in HEALED_BY_PROBE:
            self._reset(now)
            return True
        if self.cause is Cause.SILENT:
            self.until = min(self.until, now)
        return False

    def abandoned(self, trial: int = 0) -> None:
        """A request ended without telling anything: if it was the trial, another one may be."""
        if self._is_under_way(trial):
            self.trial = 0

    def _is_under_way(self, trial: int) -> bool:
        return trial != 0 and trial == self.trial

    def _eject(self, cause: Cause, now: float) -> None:
        seconds = min(LONGEST, SHORTEST * 2**self.level)
        self.level = min(self.level + 1, 8)
        self.cause, self.trial = cause, 0
        self.until = now + seconds / 2 + self._random.uniform(0, seconds / 2)

    def _reset(self, now: float) -> None:
        self.cause, self.until, self.trial = None, 0.0, 0
        self._streak = self._good = self._bad = self._old_good = self._old_bad = 0
        self._turn = now

    def _roll(self, now: float) -> None:
        """Two half windows stand for a sliding one."""
        if now - self._turn >= WINDOW / 2:
            fresh = now - self._turn < WINDOW
            self._old_good, self._old_bad = (self._good, self._bad) if fresh else (0, 0)
            self._good = self._bad = 0
            self._turn = now

    def _is_below_ratio(self) -> bool:
        good, bad = self._good + self._old_good, self._bad + self._old_bad
        return good + bad >= AT_LEAST and good < RATIO * (good + bad)
