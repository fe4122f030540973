"""GET /livez and /readyz: for whoever watches the process."""

from fastapi import APIRouter

from app.dependencies import EngineDep, SettingsDep
from app.errors import EngineStopped
from app.routes.shape import PROBLEMS
from app.schemas.models import Health


def router() -> APIRouter:
    routes = APIRouter(tags=["health"], responses={503: PROBLEMS[503]})
    for path, endpoint, summary in (("/livez", livez, "Does the engine move?"), ("/readyz", readyz, "Is work taken?")):
        routes.add_api_route(
            path, endpoint, methods=["GET"], summary=summary, response_model=Health, response_model_exclude_unset=True
        )
    return routes


async def livez(engine: EngineDep, settings: SettingsDep) -> Health:
    """Whether the engine moves: it is idle, or its batch has not been running for too long."""
    if not engine.is_moving(settings.request_timeout_s):
        raise EngineStopped("the engine does not move")
    return Health(status="ok")


async def readyz(engine: EngineDep) -> Health:
    """Whether the models are loaded and work is taken."""
    if not engine.takes_work:
        raise EngineStopped("the service is shutting down")
    return Health(status="ok", models=list(engine.registry.models))
