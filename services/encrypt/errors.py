"""What can go wrong, named by what failed. No error carries a key, a text or a message.

EncryptError
├── InvalidInput        a key or a text that cannot be used
│   └── TextTooLong     a text beyond the limit
├── CannotDecrypt       damaged, forged, foreign or under another key: always this one, and without a reason
├── Overloaded          too much to do already (`retry_after` seconds may help)
└── Broken              our own fault; what happened is in the log
"""

from __future__ import annotations

from typing import ClassVar


class EncryptError(Exception):
    """The root: everything that the service raises on purpose. `outcome` is its name in logs and metrics."""

    outcome: ClassVar[str]


class InvalidInput(EncryptError):
    outcome = "invalid"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field
        self.reason = reason


class TextTooLong(InvalidInput):
    pass


class CannotDecrypt(EncryptError):
    outcome = "undecipherable"


class Overloaded(EncryptError):
    outcome = "overloaded"

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__("too much to do already")
        self.retry_after = retry_after


class Broken(EncryptError):
    outcome = "broken"
