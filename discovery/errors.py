"""What can go wrong, named by what failed.

DiscoveryError
├── SettingsError               a setting cannot be understood
├── ListenError                 the port cannot be had
├── RegistryError               the registry gave no usable answer; what was known before still holds
│   ├── RegistryUnreachable     no connection, no answer in time, no leader, or a 5xx
│   ├── RegistryRefused         it understood and said no: token, rate, or a malformed request
│   └── RegistryGarbled         it answered, but not as its API promises
├── DrillFailed                 what is drilled did not start, serve, or end as a drill needs it
├── RouteError                  a `urlprefix-` tag cannot become a route
├── CallFailed                  no answer could be had; `attempts` tells what was tried
│   ├── NoInstance              nobody can take the request (`retry_after` seconds may help)
│   ├── OutOfTime               the deadline over all attempts has passed
│   └── InstanceFailed          the instance broke, and trying again was not allowed or did not help
└── AttemptFailed               one attempt on one instance failed
    ├── NeverSent               the request did not reach the instance, so sending it again is always safe
    │   └── ConnectFailed       no connection to the instance
    │       └── ConnectRefused  nobody listens on the port
    ├── ResponseLost            the connection broke after the request was sent
    ├── ResponseLate            no response within the time of one attempt
    ├── ResponseMalformed       what came back is not HTTP that can be passed on
    └── WrongInstance           somebody else answers on the instance's port
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class DiscoveryError(Exception):
    """The root: catch this to catch everything the library raises on purpose."""


class SettingsError(DiscoveryError):
    pass


class ListenError(DiscoveryError):
    pass


class RegistryError(DiscoveryError):
    pass


class RegistryUnreachable(RegistryError):
    pass


class RegistryRefused(RegistryError):
    pass


class RegistryGarbled(RegistryError):
    pass


class DrillFailed(DiscoveryError):
    pass


class RouteError(DiscoveryError):
    pass


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt and what came of it, in words for people. `milliseconds` from its start to its outcome."""

    instance: str
    outcome: str
    milliseconds: float


class CallFailed(DiscoveryError):
    def __init__(self, message: str, attempts: Sequence[Attempt] = ()) -> None:
        super().__init__(message)
        self.attempts = tuple(attempts)


class NoInstance(CallFailed):
    retry_after = 1.0


class OutOfTime(CallFailed):
    pass


class InstanceFailed(CallFailed):
    pass


class AttemptFailed(DiscoveryError):
    pass


class NeverSent(AttemptFailed):
    pass


class ConnectFailed(NeverSent):
    pass


class ConnectRefused(ConnectFailed):
    pass


class ResponseLost(AttemptFailed):
    pass


class ResponseLate(AttemptFailed):
    pass


class ResponseMalformed(AttemptFailed):
    pass


class WrongInstance(AttemptFailed):
    pass
