"""Who may import whom, who may read what, that nothing happens at import, and that exports are exact."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("discovery", "services", "mesh")

CRYPTO_ROOMS = {"services.encrypt.cipher", "services.encrypt.kdf"}
HANDS_OVER_THE_ENVIRONMENT = {"discovery.serving"}
"""Gives it as it is to `settings.misspelt`, which names variables that look misspelt and looks at no value."""


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of ours, by its name."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = dict(modules())


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(), module)


@cache
def imports(module: str) -> set[str]:
    """The full name of everything that a module imports anywhere in it, also under TYPE_CHECKING."""
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively, which hides where from"
            found |= {f"{node.module}.{each.name}" for each in node.names}
    return found


def importers(package: str) -> set[str]:
    return {module for module in MODULES if any(is_in(each, package) for each in imports(module))}


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def service(module: str) -> str:
    """`services.gateway` of `services.gateway.wire`; empty for what is no service."""
    first, *rest = module.split(".")
    return f"services.{rest[0]}" if first == "services" and rest else ""


# Who may import whom


def test_there_is_something_to_look_at() -> None:
    assert {"discovery.consul", "services.encrypt.cipher", "services.gateway.settings", "mesh.cli"} <= MODULES.keys()
    assert "discovery.errors" in {each.rpartition(".")[0] for each in imports("discovery.consul")}


@pytest.mark.parametrize("package", ["services", "mesh", "tests", "benchmarks"])
def test_the_library_knows_neither_services_nor_the_cockpit(package: str) -> None:
    assert [each for each in importers(package) if is_in(each, "discovery")] == []


def test_services_know_neither_each_other_nor_the_cockpit() -> None:
    for module in filter(service, MODULES):
        others = {each for each in imports(module) if is_in(each, "services") and service(each) != service(module)}
        assert others == set(), f"{module} imports {others}"
        assert not any(is_in(each, "mesh") for each in imports(module)), module


@pytest.mark.parametrize("package", ["tests", "benchmarks"])
def test_nothing_that_is_shipped_needs_what_is_not(package: str) -> None:
    assert importers(package) == set()


def test_one_room_knows_how_consul_is_spoken_to() -> None:
    assert importers("consul") == {"discovery.consul"}


def test_only_the_crypto_rooms_know_cryptography() -> None:
    assert importers("cryptography") == CRYPTO_ROOMS


def test_one_room_knows_the_sdk_of_opentelemetry() -> None:
    """Whoever imports that room has been told of a collector."""
    room = "discovery.tracing.pipeline"
    assert importers("opentelemetry.sdk") | importers("opentelemetry.exporter") == {room}
    assert importers(room) == {"discovery.tracing.provider"}


def test_the_library_needs_opentelemetry_only_for_traces() -> None:
    knowing = [each for each in importers("opentelemetry") if is_in(each, "discovery")]
    assert [each for each in knowing if not is_in(each, "discovery.tracing")] == []


def test_the_library_brings_no_web_framework() -> None:
    for framework in ("fastapi", "starlette", "prometheus_client", "typer", "rich", "psutil"):
        assert [each for each in importers(framework) if is_in(each, "discovery")] == [], framework


# Who may read the environment


def reads_environment(module: str) -> bool:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "getenvb", "putenv"):
            return isinstance(node.value, ast.Name) and node.value.id == "os"
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            return any(each.name in ("environ", "environb", "getenv", "getenvb") for each in node.names)
    return False


def test_only_settings_read_the_environment() -> None:
    readers = {each for each in MODULES if reads_environment(each) and not each.endswith(".settings")}
    assert readers == HANDS_OVER_THE_ENVIRONMENT


def test_only_settings_are_read_from_it() -> None:
    for module in MODULES:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.ClassDef) and any("BaseSettings" in ast.unparse(base) for base in node.bases):
                assert module.endswith(".settings"), f"{module} defines {node.name}"


# Nothing happens at import

LOOK = """
import json, logging, sys, threading
from importlib import import_module

root, names = sys.argv[1], sys.argv[2:]
happened, watching = [], False

def audit(event, arguments):
    if not watching:
        return
    if event in ("socket.__new__", "socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.system"):
        happened.append([event, repr(arguments)])
    elif event == "open" and str(arguments[0]).startswith(root) and "/.venv/" not in str(arguments[0]):
        if not str(arguments[0]).endswith((".py", ".pyc")) and "__pycache__" not in str(arguments[0]):
            happened.append([event, str(arguments[0])])

class Heard(logging.Handler):
    def emit(self, record):
        happened.append(["log", record.getMessage()])

logging.getLogger().addHandler(Heard(level=1))
logging.getLogger().setLevel(1)
import_module("consul")  # what libraries do is theirs: urllib3, which it brings, tries whether there is IPv6
sys.addaudithook(audit)
for name in names:
    watching = True
    import_module(name)
    watching = False
    if threading.active_count() != 1:
        happened.append(["thread", name])
print(json.dumps(happened))
"""


def test_nothing_happens_at_import() -> None:
    """No thread, no socket, no process, no file of ours read, nothing logged or printed."""
    looked = subprocess.run(
        [sys.executable, "-c", LOOK, str(ROOT), *MODULES], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert looked.returncode == 0, looked.stderr
    assert looked.stderr == ""
    assert json.loads(looked.stdout) == []


# Exports are exact


def exported(package: str) -> set[str]:
    """The public names that a package binds or promises to type checkers: what it imports, defines and assigns."""
    names: set[str] = set()
    for node in ast.walk(tree(package)):
        if isinstance(node, ast.ImportFrom) and is_in(node.module or "", package.split(".")[0]):
            names |= {each.asname or each.name for each in node.names}
    for node in tree(package).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {each.id for each in node.targets if isinstance(each, ast.Name)}
    return {each for each in names if not each.startswith("_")}


def promised(module: str) -> list[str] | None:
    """What stands in `__all__`; None where there is none."""
    for node in tree(module).body:
        if isinstance(node, ast.Assign) and any(ast.unparse(each) == "__all__" for each in node.targets):
            return [str(each) for each in ast.literal_eval(node.value)]
    return None


@pytest.mark.parametrize("package", [name for name, path in MODULES.items() if path.name == "__init__.py"])
def test_a_package_says_exactly_what_it_exports(package: str) -> None:
    said = promised(package) or []
    assert sorted(said) == sorted(exported(package))


@pytest.mark.parametrize("module", [name for name in MODULES if promised(name) is not None])
def test_all_that_is_promised_is_there_once(module: str) -> None:
    said = promised(module) or []
    loaded = import_module(module)
    assert len(set(said)) == len(said)
    assert all(hasattr(loaded, each) for each in said)


@pytest.mark.parametrize("module", [name for name, path in MODULES.items() if path.stat().st_size])
def test_the_first_line_of_a_module_says_what_it_promises(module: str) -> None:
    said = ast.get_docstring(tree(module))
    assert said, f"{module} has no docstring"
    assert said.splitlines()[0]
