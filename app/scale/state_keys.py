"""Whether replicas have a state key in common: only then one opens a state that another has sealed."""

import hashlib
from collections.abc import Collection, Sequence

from app.settings import Settings, SettingsError

DIGITS = 16


def identifiers(settings: Settings) -> tuple[str, ...]:
    """An identifier of each state key, from which the key, 32 random bytes, can't be computed.

    Raises SettingsError without any: each replica would make one of its own.
    """
    if not settings.state_key:
        raise SettingsError(
            "CAROUSEL_STATE_KEY: replicas need one in common, or a text begun on one can't be continued on another; "
            "make one with `carousel state-key`, and set it in the environment of all nodes"
        )
    return tuple(
        hashlib.sha256(key.get_secret_value().encode()).hexdigest()[:DIGITS] for key in settings.state_key
    )  # fmt: skip


def check_common(ours: Collection[str], builders: Sequence[str]) -> None:
    """Raise SettingsError where a replica has none of the keys with which the application was built."""
    if set(ours).isdisjoint(builders):
        raise SettingsError(
            "CAROUSEL_STATE_KEY: this node has none of the keys with which the application was deployed "
            f"({', '.join(builders)}), but {', '.join(ours)} (SHA-256, its first {DIGITS} digits); set the same on all "
            "nodes, or deploy again after a rotation"
        )
