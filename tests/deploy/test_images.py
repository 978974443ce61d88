"""What the Dockerfiles promise, and the small program that tells Docker how a container is."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from discovery.ports import free_ports
from tests.deploy.project import ROOT, SERVICES
from tests.deploy.scripts import script


def dockerfile(service: str) -> str:
    return (ROOT / "services" / service / "Dockerfile").read_text()


def final_stage(service: str) -> str:
    return dockerfile(service).rpartition("FROM ")[2]


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_gets_only_what_its_service_needs(service: str) -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+) ", dockerfile(service), re.M)
    assert copied == [f"requirements/{service}.txt", "deploy/healthcheck.py", "discovery", f"services/{service}"]
    assert re.findall(r"^COPY .*", final_stage(service), re.M) == ["COPY --from=build /app /app"]


@pytest.mark.parametrize("service", SERVICES)
def test_dependencies_are_those_of_the_hashes_and_nothing_is_compiled(service: str) -> None:
    assert "--require-hashes" in dockerfile(service)
    assert "--only-binary :all:" in dockerfile(service)
    pinned = (ROOT / "requirements" / f"{service}.txt").read_text()
    assert ("cryptography==" in pinned) == (service == "encrypt")
    assert "://" not in pinned
    everything = set(re.findall(r"^\S+==\S+", (ROOT / "requirements/dev.txt").read_text(), re.M))
    assert set(re.findall(r"^\S+==\S+", pinned, re.M)) <= everything, "what is shipped is what was tested"


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_is_nobody_special_and_hears_signals(service: str) -> None:
    said = final_stage(service)
    assert "\nUSER 10001:10001\n" in said
    (entry,) = re.findall(r"^ENTRYPOINT (.*)", said, re.M)
    assert json.loads(entry) == ["python", "-m", f"services.{service}"]
    (check,) = re.findall(r"^HEALTHCHECK .* CMD (.*)", said, re.M)
    variable = json.loads(check)[-1]
    assert re.search(rf"\b{variable}=\d+", said)
    assert "org.opencontainers.image.version" in said


def test_a_build_sees_no_more_than_it_may_copy() -> None:
    said = (ROOT / ".dockerignore").read_text().splitlines()
    assert said[1] == "*"
    allowed = {each[1:] for each in said if each.startswith("!")}
    assert allowed == {"discovery", "services", "requirements", "deploy/healthcheck.py"}


class Answering(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/readyz" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody wants to know."""


@contextmanager
def answering(status: int) -> Iterator[int]:
    handler = type("Handler", (Answering,), {"status": status})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (404, 1)])
def test_a_container_is_as_healthy_as_its_service_says(status: int, code: int) -> None:
    with answering(status) as port:
        assert script("healthcheck.py", "SERVICE_PORT", SERVICE_PORT=str(port)).returncode == code


def test_a_container_where_nobody_listens_is_not_healthy() -> None:
    (port,) = free_ports(1)
    done = script("healthcheck.py", "GATEWAY_ADMIN_PORT", GATEWAY_ADMIN_PORT=str(port))
    assert (done.returncode, done.stderr) == (1, "")
