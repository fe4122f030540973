"""The command: scenarios by name, and a table."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.siege.changes import reloads, soak
from benchmarks.siege.clients import fairness, keys, privacy
from benchmarks.siege.connections import floods, hang_ups, slow
from benchmarks.siege.service import Row

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
SCENARIOS: dict[str, Callable[[Path], Awaitable[list[Row]]]] = {
    "hang-ups": hang_ups,
    "slow": slow,
    "floods": floods,
    "fairness": fairness,
    "keys": keys,
    "privacy": privacy,
    "reloads": reloads,
}


def main(
    names: Annotated[list[str], typer.Argument(help="Scenarios, or all.")],
    checkpoints: Annotated[Path, typer.Option(help="The shipped checkpoints.")] = CHECKPOINTS,
    minutes: Annotated[float, typer.Option(help="Of the soak.")] = 30.0,
) -> None:
    """Run scenarios, and print a table."""
    broken = False
    for name in [*SCENARIOS, "soak"] if names == ["all"] else names:
        for row in asyncio.run(_run(name, checkpoints, minutes)):
            broken |= not row.kept
            typer.echo(f"| {name} | {row.scenario} | {row.figure} |{'' if row.kept else ' **broken** |'}")
    if broken:
        sys.exit(1)


async def _run(name: str, checkpoints: Path, minutes: float) -> list[Row]:
    return await (soak(checkpoints, minutes) if name == "soak" else SCENARIOS[name](checkpoints))


if __name__ == "__main__":
    typer.run(main)
