"""A live server of the tiny models, on a socket, for real clients."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Live, Serve
from tests.helpers import Wrapped


@pytest.fixture(scope="module")
def live(serve: Serve) -> Live:
    """A server with the settings that it has by default."""
    return serve()


def packages(name: str) -> Path:
    """The folder of a client with the packages that the tests' own environment lacks, or has in another version."""
    folder = Path(__file__).parent / "pip" / f".{name}"
    if not (folder / ".installed").exists():
        pytest.skip(f"needs {name}, which make test-slow installs")
    return folder


class Breaks(Wrapped):
    """A runtime that fails after some steps."""

    def __init__(self, runtime: Any, steps: int = 5) -> None:
        super().__init__(runtime)
        self._left = steps

    def step(self, ids: Any, state: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("xyzzy")
        return self._runtime.step(ids, state)
