"""What can go wrong, named by what failed.

DiscoveryError
├── SettingsError               a setting cannot be understood
├── ListenError                 the port cannot be had
├── RegistryError               the registry gave no usable answer; what was known before still holds
│   ├── RegistryUnreachable     no connection, no answer in time, no leader, or a 5xx
│   ├── RegistryRefused         it understood and said no: token, rate, or a malformed request
│   └── RegistryGarbled         it answered, but not as its API promises
├── RouteError                  a `urlprefix-` tag cannot become a route
├── NoInstance                  there is nobody to call (`retry_after` seconds may help)
├── OutOfTime                   the deadline over all attempts has passed
└── AttemptFailed               one attempt on one instance failed
    ├── NeverSent               the request did not reach the instance, so sending it again is always safe
    │   ├── ConnectRefused      nobody listens on the port
    │   ├── ConnectFailed       no connection for any other reason
    │   └── WentStale           a pooled connection died before the instance took the request
    ├── ResponseLost            the connection broke after the request was sent
    ├── ResponseLate            no response within the time of one attempt
    ├── ResponseMalformed       what came back is not HTTP that can be passed on
    └── WrongInstance           somebody else answers on the instance's port
"""

from __future__ import annotations


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


class RouteError(DiscoveryError):
    pass


class NoInstance(DiscoveryError):
    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutOfTime(DiscoveryError):
    pass


class AttemptFailed(DiscoveryError):
    pass


class NeverSent(AttemptFailed):
    pass


class ConnectRefused(NeverSent):
    pass


class ConnectFailed(NeverSent):
    pass


class WentStale(NeverSent):
    pass


class ResponseLost(AttemptFailed):
    pass


class ResponseLate(AttemptFailed):
    pass


class ResponseMalformed(AttemptFailed):
    pass


class WrongInstance(AttemptFailed):
    pass
