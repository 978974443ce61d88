"""One mesh in each place, nobody else's hands in it, and nothing left over that would matter."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mesh.errors import AlreadyRunning, UnsafeDirectory
from mesh.runtime import LONGEST_SOCKET, claimed, is_claimed, place, places, private, runtime_directory, starting


def test_a_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    assert runtime_directory(tmp_path) == tmp_path / "mesh"
    assert (tmp_path / "mesh").stat().st_mode & 0o777 == 0o700
    assert runtime_directory(tmp_path) == tmp_path / "mesh"


def test_without_one_of_its_own_the_user_has_one_in_the_temporary_directory() -> None:
    assert runtime_directory(None) == Path(tempfile.gettempdir()) / f"mesh-{os.getuid()}"


def test_a_path_too_long_for_a_socket_is_not_used(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * LONGEST_SOCKET)
    deep.mkdir()
    assert runtime_directory(deep) == Path(tempfile.gettempdir()) / f"mesh-{os.getuid()}"


def test_a_socket_fits_in_the_longest_directory_that_is_used(tmp_path: Path) -> None:
    longest = LONGEST_SOCKET - len("/mesh/65535-01234567/socket") - len(os.fsencode(tmp_path)) - 1
    runtime = tmp_path / ("d" * longest)
    runtime.mkdir()
    where = place(runtime_directory(runtime), "consul.example:8500", 65535)
    assert where.directory.is_relative_to(runtime)
    with claimed(where), socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(where.socket))


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o702])
def test_a_directory_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "mesh").mkdir()
    (tmp_path / "mesh").chmod(mode)
    with pytest.raises(UnsafeDirectory, match="only you"):
        runtime_directory(tmp_path)


def test_a_link_to_somewhere_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "mesh").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafeDirectory, match="only you"):
        private(tmp_path / "mesh")


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mesh").write_text("")
    with pytest.raises(UnsafeDirectory, match="cannot be used"):
        private(tmp_path / "mesh")


def test_each_pair_of_registry_and_gateway_port_has_a_place(tmp_path: Path) -> None:
    pairs = [("127.0.0.1:8500", 8080), ("127.0.0.1:8500", 8090), ("127.0.0.1:8501", 8080)]
    assert len({place(tmp_path, *pair).directory for pair in pairs}) == 3
    assert place(tmp_path, *pairs[0]) == place(tmp_path, *pairs[0])


def test_a_place_is_claimed_once(tmp_path: Path) -> None:
    where = place(tmp_path, "127.0.0.1:8500", 8080)
    assert not is_claimed(where)
    with claimed(where):
        assert is_claimed(where)
        assert places(tmp_path) == [where]
        with pytest.raises(AlreadyRunning), claimed(where):
            pass
    assert not is_claimed(where)
    with claimed(where):
        pass


def test_what_a_dead_mesh_left_behind_is_no_hindrance(tmp_path: Path) -> None:
    where = place(tmp_path, "127.0.0.1:8500", 8080)
    claim_and_die = (
        "import os, socket, sys; from pathlib import Path; from mesh.runtime import Place, claimed\n"
        "with claimed(Place(Path(sys.argv[1]))) as _, socket.socket(socket.AF_UNIX) as left:\n"
        "    left.bind(sys.argv[1] + '/socket'); Path(sys.argv[1], 'logs', 'echo-1.log').write_text('old')\n"
        "    Path(sys.argv[1], 'known', 'gateway-1.json').write_text('old')\n"
        "    os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", claim_and_die, str(where.directory)], check=False).returncode == -9
    assert where.socket.exists()
    assert not is_claimed(where)
    with claimed(where):
        assert not where.socket.exists()
        assert list(where.logs.iterdir()) == list(where.known.iterdir()) == []


def test_meshes_start_one_after_the_other(tmp_path: Path) -> None:
    with starting(tmp_path, patience=0), pytest.raises(AlreadyRunning), starting(tmp_path, patience=0.1):
        pass
    with starting(tmp_path, patience=0):
        pass
