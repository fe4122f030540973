"""The installed uvicorn has the private interfaces that the protocol uses."""

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from app.http.uvicorn_internals import INTERNALS

ROOT = Path(__file__).parents[2]
MOVED = "uvicorn has changed: adapt app/http/uvicorn_internals.py to it, or bound its version in pyproject.toml"


async def application(scope: object, receive: object, send: object) -> None:
    """An ASGI application that does nothing."""


async def objects() -> dict[str, object]:
    """An instance of each class in INTERNALS."""
    protocol = HttpToolsProtocol(Config(application), ServerState(), {}, asyncio.get_running_loop())
    flow = FlowControl(asyncio.Transport())
    arguments: dict[str, Any] = dict.fromkeys(inspect.signature(RequestResponseCycle).parameters)
    cycle = RequestResponseCycle(**arguments | {"message_event": asyncio.Event()})
    return {"protocol": protocol, "flow": flow, "cycle": cycle, "parser callbacks": protocol}


@pytest.mark.parametrize("owner", INTERNALS)
def test_the_internals_are_there(owner: str) -> None:
    instance = asyncio.run(objects())[owner]
    missing = [name for name in INTERNALS[owner] if not hasattr(instance, name)]
    assert not missing, f"{MOVED}; {owner} lacks {', '.join(missing)}"


def test_they_are_used_in_one_file() -> None:
    users = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "app").rglob("*.py")
        if "uvicorn.protocols" in path.read_text(encoding="utf-8")
    ]
    assert users == ["app/http/uvicorn_internals.py"]
