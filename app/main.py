"""The application: its parts, middleware and routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer
from starlette.middleware.cors import CORSMiddleware

from app import __version__
from app.access.limits import Guard
from app.backend import Backend, OneProcess
from app.catalog.detection import warm_up
from app.catalog.registry import Registry
from app.factories import make_guard, make_sealer
from app.http.document import Api
from app.http.middleware import BodyLimitMiddleware, LeaseMiddleware, RequestIdMiddleware
from app.http.problems import install_handlers
from app.http.routing import add_routes
from app.lessons.classroom import Classroom
from app.settings import Settings
from app.telemetry.logs import get_logger
from app.telemetry.metrics import Metrics
from app.telemetry.tracing import exporting_provider

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

DESCRIPTION = "Text from recurrent models: generate, predict, classify, translate. Errors are problem documents."
log = get_logger(__name__)


def create_app(
    settings: Settings,
    registry: Registry | None = None,
    spans: "TracerProvider | None" = None,
    backend: Backend | None = None,
) -> FastAPI:
    """Make the service. Without a registry, models are loaded at startup.

    spans receives the traces, if settings enable them; by default they are exported as OTEL_… variables say. backend
    is where the jobs run; by default, in a thread of this process.
    """
    behind = backend or OneProcess(settings, registry)
    guard = make_guard(settings, behind.counters)
    classroom = Classroom(settings, behind.metrics)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        warm_up()
        async with behind.running() as engine:
            app.state.engine, models = engine, engine.registry
            defaults = {use: default.model for use, default in models.defaults.items()}
            log.info("ready", models=list(models.models), defaults=defaults, device=str(models.device))
            if settings.lessons and classroom.refusal:
                log.warning("lessons_off", reason=classroom.refusal)
            yield
            classroom.close()

    app = Api(
        title="Carousel",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        servers=[{"url": settings.root_path}],
    )
    app.state.settings = settings
    app.state.metrics, app.state.metrics_page = behind.metrics, behind.metrics_page
    app.state.sealer, app.state.classroom = make_sealer(settings), classroom
    install_handlers(app)
    _add_middleware(app, settings, behind.metrics, guard, spans)
    # so that the API page asks for the key
    add_routes(app, settings, [Depends(HTTPBearer(auto_error=False))] if guard.closed else [])
    return app


def _add_middleware(
    app: FastAPI, settings: Settings, metrics: Metrics, guard: Guard, spans: "TracerProvider | None"
) -> None:
    """Middleware that is added last runs first."""
    app.add_middleware(BodyLimitMiddleware, max_bytes=settings.max_body_bytes)
    app.add_middleware(LeaseMiddleware, guard=guard)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"],
        )
    app.add_middleware(RequestIdMiddleware, metrics=metrics)
    if settings.traces:
        provider = spans or exporting_provider()
        from app.http.spans import SpanMiddleware  # noqa: PLC0415 (it needs an extra)

        app.add_middleware(SpanMiddleware, spans=provider)
