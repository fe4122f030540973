"""Packages that only the benchmarks need: the extra `bench`."""

import importlib
from importlib.util import find_spec
from typing import Any

from app.errors import ServiceError

HINT = "pip install 'carousel-lstm[bench]'"


class BenchError(ServiceError):
    """The options of a benchmark are wrong, or one of its servers failed."""


def require(*names: str) -> None:
    """Raise BenchError for the first package that is not installed."""
    for name in names:
        if find_spec(name.partition(".")[0]) is None:
            raise BenchError(f"{name.partition('.')[0]} is not installed: {HINT}")


def load(name: str) -> Any:
    """Import a module of an optional package. Raises BenchError where the package is not installed."""
    require(name)
    return importlib.import_module(name)
