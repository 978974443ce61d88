"""Who may ask at all: programs on this machine, and the agent's own page; no other web page.

A web page can send requests to 127.0.0.1 from the browser of whoever looks at it. It cannot choose the `Host` that
its own name puts into them (DNS rebinding), nor hide its `Origin` when it changes something, nor the
`Sec-Fetch-Site` that today's browsers add: without that, it could still take all connections and keep them waiting.
"""

from __future__ import annotations

from discovery.devagent.loopback import is_loopback, split
from discovery.devagent.messages import Refusal, Request


def admit(request: Request) -> None:
    """Raises Refusal (403) with an explanation."""
    hosts = request.headers.get("host", ())
    if len(hosts) != 1 or not _is_this_machine(hosts[0]):
        raise Refusal(
            403, "The embedded registry answers only to the Host names localhost, 127.0.0.1 and [::1] (any port)."
        )
    if not _has_origin_of(hosts[0], request) or _is_sent_by_another_page(request):
        raise Refusal(403, "The embedded registry does not answer to web pages of another origin.")


def _is_this_machine(host: str) -> bool:
    found = split(host)
    return found is not None and is_loopback(found[0])


def _has_origin_of(host: str, request: Request) -> bool:
    """Programs send no Origin; our own page sends the one that it was loaded from."""
    origins = request.headers.get("origin", ())
    return all(origin == f"http://{host}" for origin in origins)


def _is_sent_by_another_page(request: Request) -> bool:
    """Following a link to our page is not: it shows the page, and nothing to the page with the link."""
    foreign = {"cross-site", "same-site"} & set(request.headers.get("sec-fetch-site", ()))
    return bool(foreign) and "navigate" not in request.headers.get("sec-fetch-mode", ())
