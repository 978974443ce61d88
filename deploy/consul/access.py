"""Give a Consul cluster its rules and each service a token of its own:

    access.py --consul URL --secrets DIRECTORY --policies DIRECTORY --owner ID --agent NAME=URL... --service NAME...

Each service gets a token with the policy `POLICIES/NAME.hcl` in `SECRETS/NAME/token`, readable by OWNER only; each
agent one that may write its own node and read services, as anti-entropy needs. The token that may do everything is made
once and kept in `SECRETS/management`, beside those of the agents. Run it again whenever policies change: what is right
already is left alone.
Needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 60.0
"""Seconds until a cluster that just started must have a leader and its access control."""


class Refused(Exception):
    """Consul did not do what it was asked: its status, and its own words."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"Consul answered {status}: {said.strip()}")
        self.status = status


class Consul:
    """The HTTP API of one agent. Raises Refused, and OSError when nobody answers."""

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url
        self._token = token

    def at(self, url: str) -> Consul:
        """Another agent, with the same token."""
        return Consul(url, self._token)

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def put(self, path: str, document: Any) -> Any:
        return self._ask("PUT", path, json.dumps(document).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        headers = {"X-Consul-Token": self._token} if self._token else {}
        request = urllib.request.Request(self._url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode(errors="replace")) from None


def manager(url: str, file: Path) -> Consul:
    """Consul with the token that may do everything, which is made if there is none yet."""
    if not file.exists():
        made = patiently(lambda: Consul(url).put("/v1/acl/bootstrap", {}))
        write(file, str(made["SecretID"]), os.getuid())
    consul = Consul(url, file.read_text())
    patiently(lambda: consul.get("/v1/acl/token/self"))
    return consul


def admit(consul: Consul, url: str, name: str, rules: str, file: Path, owner: int) -> str:
    """See to it that there is a policy of this name with these rules, and in the file a token with it alone."""
    document = {"Name": name, "Rules": rules}
    known = {each["Name"]: each["ID"] for each in consul.get("/v1/acl/policies")}
    consul.put(f"/v1/acl/policy/{known[name]}" if name in known else "/v1/acl/policy", document)
    if not (file.exists() and is_known(url, file.read_text())):
        made = consul.put("/v1/acl/token", {"Description": name, "Policies": [{"Name": name}]})
        write(file, str(made["SecretID"]), owner)
    return file.read_text()


def admit_agent(consul: Consul, url: str, name: str, at: str, file: Path) -> None:
    rules = f'node "{name}" {{ policy = "write" }} service_prefix "" {{ policy = "read" }}'
    token = admit(consul, url, f"agent-{name}", rules, file, os.getuid())
    patiently(lambda: consul.at(at).put("/v1/agent/token/agent", {"Token": token}))


def is_known(url: str, token: str) -> bool:
    try:
        return bool(token) and bool(Consul(url, token).get("/v1/acl/token/self"))
    except Refused:
        return False


def patiently(ask: Callable[[], Any]) -> Any:
    """Ask until there is an answer, as a cluster that just started has neither leader nor rules. Raises Refused at
    once when it is forbidden: that gets no better."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except (OSError, Refused) as error:
            if time.monotonic() > until or (isinstance(error, Refused) and error.status == 403):
                raise
            time.sleep(0.5)


def write(file: Path, secret: str, owner: int) -> None:
    """All at once, as a service may be reading, and never readable by others."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.touch(0o600, exist_ok=False)
    new.write_text(secret)
    new.chmod(0o400)
    os.chown(new, owner, owner)
    new.replace(file)


def main(arguments: argparse.Namespace) -> None:
    secrets: Path = arguments.secrets
    consul = manager(arguments.consul, secrets / "management" / "token")
    for said in arguments.agent:
        name, _, at = said.partition("=")
        admit_agent(consul, arguments.consul, name, at, secrets / "management" / f"agent-{name}")
    for name in arguments.service:
        rules = (arguments.policies / f"{name}.hcl").read_text()
        admit(consul, arguments.consul, name, rules, secrets / name / "token", arguments.owner)


def parse(said: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Give a Consul cluster its rules, and each service a token.")
    parser.add_argument("--consul", required=True, metavar="URL", help="an agent of the cluster")
    parser.add_argument("--secrets", required=True, type=Path, metavar="DIRECTORY")
    parser.add_argument("--policies", required=True, type=Path, metavar="DIRECTORY")
    parser.add_argument("--owner", required=True, type=int, metavar="ID", help="user and group of the services")
    parser.add_argument("--agent", default=[], action="append", metavar="NAME=URL")
    parser.add_argument("--service", default=[], action="append", metavar="NAME")
    return parser.parse_args(said)


if __name__ == "__main__":
    try:
        main(parse(sys.argv[1:]))
    except (Refused, OSError) as error:
        sys.exit(f"access: {error}")
