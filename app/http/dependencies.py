"""FastAPI's dependencies, as named types of the routes' parameters.

All are coroutines: FastAPI runs plain functions in threads, which costs more than they do. None depends on another:
FastAPI would resolve that one again for each.
"""

from typing import Annotated

from fastapi import Depends, Header, Path, Request

from app.access.state_tokens import StateTokens
from app.catalog.registry import Registry
from app.engine.interface import EngineInterface
from app.http.clients import Client, admit
from app.lessons.classroom import Classroom
from app.settings import Settings


async def _engine(request: Request) -> EngineInterface:
    engine: EngineInterface = request.app.state.engine
    return engine


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _registry(request: Request) -> Registry:
    return (await _engine(request)).registry


async def _client(request: Request) -> Client:
    return await admit(request)


async def _classroom(request: Request) -> Classroom:
    classroom: Classroom = request.app.state.classroom
    return classroom


async def _state_tokens(request: Request) -> StateTokens:
    return StateTokens(request.app.state.sealer, (await admit(request)).key)


EngineDep = Annotated[EngineInterface, Depends(_engine)]
SettingsDep = Annotated[Settings, Depends(_settings)]
RegistryDep = Annotated[Registry, Depends(_registry)]
ClientDep = Annotated[Client, Depends(_client)]
ClassroomDep = Annotated[Classroom, Depends(_classroom)]
StateTokensDep = Annotated[StateTokens, Depends(_state_tokens)]
LastEventId = Annotated[
    str | None,
    Header(
        max_length=100,
        description="With `stream` and the same body: resume after the event of this id.",
    ),
]
ModelName = Annotated[str, Path(description="A model's name, as in /models.")]
