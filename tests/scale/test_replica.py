"""The service in one replica, without Ray."""

import os

import httpx
import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI
from uvicorn import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.errors import EngineStopped
from app.scale.arguments import Arguments
from app.scale.plan import make_plan
from app.scale.replica import ServiceReplica
from app.settings import SettingsError

pytestmark = pytest.mark.anyio


async def test_it_answers_and_its_health_is_the_engines(node: pytest.MonkeyPatch) -> None:
    replica = ServiceReplica(make_plan(Arguments(settings={"models": "language-en"})))
    async with replica.app.router.lifespan_context(replica.app):
        transport = httpx.ASGITransport(app=replica.application())
        async with httpx.AsyncClient(transport=transport, base_url="http://lstm.example.org") as client:
            assert (await client.get("/readyz")).json()["models"] == ["language-en"]
            assert (await client.post("/next-word-probs", json={"text": "the man"})).status_code == 200
        replica.check_health()
        replica.app.state.engine.stop(5)
        with pytest.raises(EngineStopped, match="does not move"):
            replica.check_health()


async def test_a_node_with_other_keys_is_refused(node: pytest.MonkeyPatch) -> None:
    plan = make_plan(Arguments())
    node.setenv("CAROUSEL_STATE_KEY", Fernet.generate_key().decode())
    with pytest.raises(SettingsError, match="CAROUSEL_STATE_KEY: this node has none of the keys"):
        ServiceReplica(plan)


async def test_rays_server_believes_no_address_of_a_client(node: pytest.MonkeyPatch) -> None:
    """HAProxy on the same machine passes X-Forwarded-For on as clients wrote it."""
    ServiceReplica(make_plan(Arguments(settings={"models": "language-en"})))
    assert os.environ["FORWARDED_ALLOW_IPS"] == ""
    loaded = Config(FastAPI(), log_config=None)
    loaded.load()
    assert isinstance(loaded.loaded_app, ProxyHeadersMiddleware)
    assert "127.0.0.1" not in loaded.loaded_app.trusted_hosts
