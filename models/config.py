"""Frozen configurations whose fields carry their range, their choices and their older name as annotations.

@dataclass(frozen=True)
class ModelConfig(Config):
    layers: Annotated[int, Range(1, 16)] = 2
    cell: Annotated[str, Choice(("lstm", "gru"))] = "lstm"
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from models.errors import ConfigError

ValueT = TypeVar("ValueT")


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included; whole ones where both bounds are whole."""

    low: float
    high: float

    def allows(self, value: object) -> bool:
        kinds = (int,) if self.whole else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and self.low <= value <= self.high

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def __str__(self) -> str:
        return f"{'a whole number' if self.whole else 'a number'} from {self.low} to {self.high}"


@dataclass(frozen=True)
class Choice:
    """One of a few texts."""

    values: Sequence[str]

    def allows(self, value: object) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return (" or " if len(self.values) == 2 else ", ").join(value or "empty" for value in self.values)


@dataclass(frozen=True)
class FormerName:
    """A name that a setting had in the release before; still accepted, with a warning."""

    name: str


class Config:
    """Base of the frozen configurations: raises ConfigError for a value outside its field's range or choices."""

    def __post_init__(self) -> None:
        for name, limit in limits(type(self)).items():
            value = getattr(self, name)
            if not limit.allows(value):
                raise ConfigError(f"{type(self).__name__}.{name} is {value!r}; it must be {limit}")


def limits(config: type[Any]) -> dict[str, Range | Choice]:
    """The range or the choices of each field that has any."""
    return {
        name: mark for name, marks in _annotations(config).items() for mark in marks if isinstance(mark, Range | Choice)
    }


def current_names(settings: Mapping[str, ValueT], configs: Sequence[type[Any]], warn: bool = True) -> dict[str, ValueT]:
    """Settings under the names that the fields of configs have now. Of two names of a setting, the later one counts."""
    former = {
        mark.name: name
        for config in configs
        for name, marks in _annotations(config).items()
        for mark in marks
        if isinstance(mark, FormerName)
    }
    renamed: dict[str, ValueT] = {}
    for name, value in settings.items():
        if name in former and warn:
            warnings.warn(
                f"setting {name} is now called {former[name]}; the next release will not know the old name",
                FutureWarning,
                stacklevel=2,
            )
        renamed[former.get(name, name)] = value
    return renamed


def _annotations(config: type[Any]) -> dict[str, tuple[object, ...]]:
    """What stands beside each field's type in Annotated[…]."""
    hints = get_type_hints(config, include_extras=True)
    return {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
