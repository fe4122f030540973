"""The short scenarios of the siege, against a service with the shipped models."""

import asyncio
from pathlib import Path

import pytest

from app.http.routing import ROUTES
from benchmarks.siege.__main__ import CHECKPOINTS, SCENARIOS
from benchmarks.siege.clients import FLOODS
from benchmarks.siege.kinds import PATHS, SMALL, UNTRAINED, copy_of, path_of
from models import checkpoint
from models.kinds import KINDS

pytest.importorskip("psutil")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["floods", "privacy"])
def test_every_law_is_kept(name: str) -> None:
    async def rows() -> list:
        return await SCENARIOS[name](CHECKPOINTS)

    broken = [row for row in asyncio.run(rows()) if not row.kept]
    assert not broken


def test_each_kind_and_task_is_besieged() -> None:
    tasks = {kind.task for kind in KINDS.values()}
    assert set(SMALL) == set(FLOODS) == tasks
    assert {path_of(kind) for kind in KINDS} == set(SMALL.values()) <= set(PATHS)
    native = {route.path for group in ROUTES if group.tag in ("text", "images") for route in group.routes}
    assert set(PATHS) == native


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_a_checkpoint_of_each_kind_to_reload(kind: str, tmp_path: Path) -> None:
    copy = copy_of(kind, CHECKPOINTS, tmp_path)
    assert checkpoint.load(copy).kind == kind
    assert (kind in UNTRAINED) == (not (CHECKPOINTS / copy.name).exists())
