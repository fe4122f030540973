"""The short scenarios of the siege, against a service with the shipped models."""

import asyncio

import pytest

from benchmarks.siege.__main__ import CHECKPOINTS, SCENARIOS

pytest.importorskip("psutil")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["floods", "privacy"])
def test_every_law_is_kept(name: str) -> None:
    async def rows() -> list:
        return await SCENARIOS[name](CHECKPOINTS)

    broken = [row for row in asyncio.run(rows()) if not row.kept]
    assert not broken
