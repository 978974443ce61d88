"""Who may ask at all: programs on this machine, and the agent's own page; no other web page.

A web page can send requests to 127.0.0.1 from the browser of whoever looks at it. It cannot choose the `Host` that
its own name puts into them (DNS rebinding), nor hide its `Origin` when it changes something.
"""

from __future__ import annotations

from discovery.devagent.loopback import is_loopback, split
from discovery.devagent.messages import Refusal, Request

READING = ("GET", "HEAD", "OPTIONS")


def admit(request: Request) -> None:
    """Raises Refusal (403) with an explanation."""
    hosts = request.headers.get("host", ())
    if len(hosts) != 1 or not _is_ours(hosts[0]):
        raise Refusal(
            403, "The embedded registry answers only to the Host names localhost, 127.0.0.1 and [::1] (any port)."
        )
    if request.method not in READING and not _comes_from(request.headers.get("origin", ()), hosts[0]):
        raise Refusal(403, "The embedded registry takes no changes from web pages of another origin.")


def _is_ours(host: str) -> bool:
    found = split(host)
    return found is not None and is_loopback(found[0])


def _comes_from(origins: object, host: str) -> bool:
    """Programs send no Origin; our own page sends the one that it was loaded from."""
    return not origins or origins == [f"http://{host}"]
