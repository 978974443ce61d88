"""What can be chosen on the command line."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from benchmarks.cli import app
from benchmarks.plan import SECTIONS, Plan, chosen, named
from benchmarks.workload import UPLOAD


def test_a_plan_measures_only_what_its_sections_need() -> None:
    assert Plan(sections=("scale", "soak")).cells == []
    assert [cell.connections for cell in Plan(sections=("small",), connections=(1, 256)).cells] == [1, 256]
    assert UPLOAD in [cell.workload for cell in Plan(sections=("large",)).cells]


def test_peers_are_named_and_keep_their_order() -> None:
    assert [peer.name for peer in named("nginx, ours")] == ["nginx", "ours"]


@pytest.mark.parametrize("text", ["", "smal", "small,,nothing"])
def test_what_is_not_known_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(ValueError, match="small, large, scale, soak"):
        chosen(text, SECTIONS)


@pytest.mark.parametrize("words", [["--peers", "apache"], ["--connections", "many"], ["--connections", "0"]])
def test_a_mistake_on_the_command_line_is_told_before_anything_starts(words: list[str]) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
