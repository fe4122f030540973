"""Whether the service lives, and whether it takes work."""

from app.engine.interface import EngineInterface
from app.errors import EngineStopped


def check_live(engine: EngineInterface, patience_s: float) -> None:
    """Raise EngineStopped where the engine's current step takes longer than patience_s."""
    if not engine.is_moving(patience_s):
        raise EngineStopped("the engine does not move")


def check_ready(engine: EngineInterface) -> None:
    """Raise EngineStopped, with the reason, where requests are not accepted."""
    if not engine.registry.models:
        raise EngineStopped("no model is loaded")
    if not engine.takes_work:
        raise EngineStopped("the service is shutting down" if engine.stopping else engine.outage)
