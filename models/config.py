"""Checks shared by the frozen configurations that stand beside each model."""

from models.errors import ConfigError


def require_range(owner: object, field: str, low: float, high: float) -> None:
    """Raise ConfigError unless owner.field is a number in [low, high]; whole where both bounds are."""
    value = getattr(owner, field)
    kinds = (int,) if isinstance(low, int) and isinstance(high, int) else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        raise ConfigError(
            f"{type(owner).__name__}.{field} is {value!r}; it must be "
            f"{'a whole number' if kinds == (int,) else 'a number'} from {low} to {high}"
        )
