"""The application: its parts, middleware and routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from app import __version__
from app.access.limits import Guard
from app.catalog.detection import warm_up
from app.catalog.registry import Registry
from app.catalog.reload import reloading
from app.factories import choice_of, load_registry, make_engine, make_guard, make_sealer
from app.http.document import Api
from app.http.middleware import BodyLimitMiddleware, LeaseMiddleware, RequestIdMiddleware
from app.http.problems import install_handlers
from app.http.routing import add_routes
from app.settings import Settings
from app.telemetry.gauges import register_gauges
from app.telemetry.logs import get_logger
from app.telemetry.metrics import Metrics
from app.telemetry.tracing import UNTRACED, exporting_provider

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

DESCRIPTION = "Text from recurrent models: generate, predict, classify, translate. Errors are problem documents."
ENGINE_STOP_S = 5.0  # the server has waited for running requests before, for shutdown_timeout_s
log = get_logger(__name__)


def create_app(settings: Settings, registry: Registry | None = None, spans: "TracerProvider | None" = None) -> FastAPI:
    """Make the service. Without a registry, models are loaded at startup.

    spans receives the traces, if settings enable them; by default they are exported as OTEL_… variables say.
    """
    metrics, guard = Metrics(), make_guard(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        loaded = registry or load_registry(settings)
        warm_up()
        engine = make_engine(loaded, settings, metrics)
        engine.start()
        register_gauges(metrics, engine)
        app.state.engine = engine
        with reloading(loaded, choice_of(settings)):
            defaults = {use: default.model for use, default in loaded.defaults.items()}
            log.info("ready", models=list(loaded.models), defaults=defaults, device=str(loaded.device))
            yield
        await run_in_threadpool(engine.stop, ENGINE_STOP_S)

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
    app.state.metrics = metrics
    app.state.sealer = make_sealer(settings)
    install_handlers(app)
    _add_middleware(app, settings, metrics, guard, spans)
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
        from starlette.middleware.opentelemetry import OpenTelemetryMiddleware  # noqa: PLC0415 (an extra)

        app.add_middleware(
            OpenTelemetryMiddleware, excluded_urls=UNTRACED, tracer_provider=spans or exporting_provider()
        )
