"""Settings by name: each is a field of one of a run's configurations."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from difflib import get_close_matches
from typing import Any

from models.config import current_names
from models.errors import ConfigError

Value = str | int | float


def parse_assignments(assignments: Sequence[str]) -> dict[str, str]:
    """Read `name=value` strings. Raises ConfigError for anything else."""
    parsed = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise ConfigError(f"--set {assignment!r} is not of the form name=value")
        parsed[name.strip().replace("-", "_")] = value.strip()
    return parsed


def settable(configuration: type[Any]) -> dict[str, Value]:
    """The fields of a configuration with a plain default, and that default: those that can be set."""
    return {
        field.name: field.default
        for field in fields(configuration)
        if field.default is not MISSING and isinstance(field.default, str | int | float)
    }


def distribute(settings: Mapping[str, Value], configurations: Sequence[type[Any]]) -> list[dict[str, Value]]:
    """Give each setting to the configuration that has its field, under its current name and in the field's type.

    Raises ConfigError for an unknown name, or a value of another type.
    """
    shares: list[dict[str, Value]] = [{} for _ in configurations]
    known = [settable(configuration) for configuration in configurations]
    for name, value in current_names(settings, configurations).items():
        owner = next((index for index, names in enumerate(known) if name in names), None)
        if owner is None:
            names = sorted(name for names in known for name in names)
            nearest = get_close_matches(name, names, 1)
            hint = f"did you mean {nearest[0]}? there are" if nearest else "there are"
            raise ConfigError(f"no setting {name!r}; {hint} {', '.join(names)}")
        shares[owner][name] = _convert(name, value, known[owner][name])
    return shares


def complete(shares: Sequence[Mapping[str, Value]], configurations: Sequence[type[Any]]) -> dict[str, Value]:
    """All settings of configurations: those assigned to each, and the defaults of the rest."""
    settings: dict[str, Value] = {}
    for share, configuration in zip(shares, configurations, strict=True):
        settings |= {name: share.get(name, default) for name, default in settable(configuration).items()}
    return settings


def _convert(name: str, value: Value, default: Value) -> Value:
    try:
        if isinstance(default, bool):
            return _BOOLEANS[str(value).lower()]
        if isinstance(default, int):
            return int(value)
        return type(default)(value)
    except (ValueError, KeyError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}[type(default)]
        raise ConfigError(f"setting {name} is {value!r}; it must be {kind}") from None


_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
