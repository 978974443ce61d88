"""Options that several commands have, each said once."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]

GatewayPort: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="Which mesh, by its gateway's port; needed only when several run."),
]

FromRegistry: TypeAlias = Annotated[
    str | None, typer.Option("--consul", metavar="HOST:PORT", help="Ask this registry instead of the mesh's own.")
]
