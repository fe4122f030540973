"""What routes are given, as named types."""

import asyncio
from concurrent.futures import Future
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from app.engine.engine import Engine
from app.engine.registry import Registry
from app.errors import DeadlineExceeded
from app.settings import Settings

ResultT = TypeVar("ResultT")


def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def _registry(engine: "EngineDep") -> Registry:
    return engine.registry


EngineDep = Annotated[Engine, Depends(_engine)]
SettingsDep = Annotated[Settings, Depends(_settings)]
RegistryDep = Annotated[Registry, Depends(_registry)]


async def finished(future: "Future[ResultT]", settings: Settings) -> ResultT:
    """Await an engine's future. Raises DeadlineExceeded, and cancels the job, when it takes too long."""
    try:
        return await asyncio.wait_for(asyncio.wrap_future(future), settings.request_timeout_s)
    except TimeoutError:
        raise DeadlineExceeded(f"no answer within {settings.request_timeout_s:g} s") from None
