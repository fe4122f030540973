"""GET /livez, /readyz and /metrics, for monitoring."""

from fastapi import Request, Response

from app.http.dependencies import ClientDep, EngineDep, SettingsDep
from app.http.operations.health import check_live, check_ready
from app.http.schemas.models import Health
from app.telemetry.metrics import CONTENT_TYPE


async def show_metrics(request: Request, _: ClientDep) -> Response:
    """Counters and histograms of requests, tokens, queue, batch and steps, in Prometheus's text format."""
    return Response(await request.app.state.metrics_page(), media_type=CONTENT_TYPE)


async def livez(engine: EngineDep, settings: SettingsDep) -> Health:
    """Liveness: the engine is idle, or its current step has not taken longer than a request may."""
    check_live(engine, settings.request_timeout_s)
    return Health(status="ok")


async def readyz(engine: EngineDep) -> Health:
    """Readiness: whether requests are accepted, and if not, why."""
    check_ready(engine)
    registry = engine.registry
    health = Health(status="ok", models=list(registry.models))
    return health.model_copy(update={"refused": registry.refused}) if registry.refused else health
