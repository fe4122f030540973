"""GET /livez, /readyz and /metrics: for whoever watches the process."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from app.errors import EngineStopped
from app.http.contract import PROBLEMS
from app.http.dependencies import ClientDep, EngineDep, SettingsDep
from app.http.schemas.models import Health
from app.telemetry.metrics import CONTENT_TYPE, Metrics


def router() -> APIRouter:
    routes = APIRouter(tags=["health"], responses={503: PROBLEMS[503]})
    for path, endpoint, summary in (("/livez", livez, "Does the engine move?"), ("/readyz", readyz, "Is work taken?")):
        routes.add_api_route(
            path, endpoint, methods=["GET"], summary=summary, response_model=Health, response_model_exclude_unset=True
        )
    routes.add_api_route(
        "/metrics",
        show_metrics,
        methods=["GET"],
        summary="Numbers for Prometheus",
        response_class=PlainTextResponse,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
            401: PROBLEMS[401],
            429: PROBLEMS[429],
        },
    )
    return routes


async def show_metrics(request: Request, _: ClientDep) -> Response:
    """Counters and histograms of requests, tokens, queue, batch and steps, in Prometheus's text format."""
    metrics: Metrics = request.app.state.metrics
    return Response(metrics.page(), media_type=CONTENT_TYPE)


async def livez(engine: EngineDep, settings: SettingsDep) -> Health:
    """Whether the engine moves: it is idle, or its batch has not been running for too long."""
    if not engine.is_moving(settings.request_timeout_s):
        raise EngineStopped("the engine does not move")
    return Health(status="ok")


async def readyz(engine: EngineDep) -> Health:
    """Whether work is taken, and if not, what is missing."""
    if not engine.registry.models:
        raise EngineStopped("no model is loaded")
    if not engine.takes_work:
        raise EngineStopped("the service is shutting down" if engine.stopping else "the engine's thread has died")
    return Health(status="ok", models=list(engine.registry.models))
