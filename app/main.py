"""The application, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from app.dependencies import load_registry, make_engine, make_guard, make_sealer, watch
from app.engine.detection import warm_up
from app.engine.registry import Registry
from app.logs import get_logger
from app.metrics import Metrics
from app.middleware import BodyLimitMiddleware, LeaseMiddleware, RequestIdMiddleware
from app.problems import install_handlers
from app.reloading import reloading
from app.routes import (
    classify,
    generate,
    health,
    huggingface,
    libretranslate,
    models,
    next_word_probs,
    openai,
    pages,
    translate,
)
from app.settings import Settings

DESCRIPTION = "Text from recurrent models: generate, predict, classify, translate. Errors are problem documents."
ENGINE_STOP_S = 5.0  # by then the server has waited for running requests, as long as settings allow
log = get_logger(__name__)


def create_app(settings: Settings, registry: Registry | None = None) -> FastAPI:
    """Make the service. Models are loaded when it starts, or are those of a registry given here."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        loaded = registry or load_registry(settings)
        warm_up()
        engine = make_engine(loaded, settings, metrics)
        engine.start()
        watch(engine, metrics)
        app.state.engine = engine
        with reloading(loaded, settings):
            log.info("ready", models=list(loaded.models), device=str(loaded.device))
            yield
        await run_in_threadpool(engine.stop, ENGINE_STOP_S)

    app = FastAPI(
        title="Carousel",
        version="0.1.0",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.metrics = metrics
    app.state.sealer = make_sealer(settings)
    install_handlers(app)
    app.add_middleware(BodyLimitMiddleware, max_bytes=settings.max_body_bytes)
    guard = make_guard(settings)
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
    with_key = [Depends(HTTPBearer(auto_error=False))] if guard.closed else []  # for the API page to ask for it
    for route in (generate, next_word_probs, classify, translate, models):
        app.include_router(route.router(settings), dependencies=with_key)
    for family in (openai, huggingface):
        app.include_router(family.router(settings), dependencies=with_key)
    app.include_router(libretranslate.router(settings))  # whose key is a field of the body
    app.include_router(health.router())
    app.include_router(pages.router())
    app.mount("/static", StaticFiles(directory=pages.STATIC), name="static")
    return app
