"""Requests that a connection of `carousel serve` would refuse, as they come to an application under Ray."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.catalog.registry import Registry
from app.main import create_app
from app.scale.guard import Guard
from app.scale.replica import trusting
from app.settings import Settings

NEXT = {"text": "the man", "model": "language-en", "top": 1}


@pytest.fixture
def limits() -> dict[str, Any]:
    """Settings; a test may be parametrized to have others."""
    return {}


@pytest.fixture
async def guarded(registry: Registry, limits: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service behind its guard, which comes from 10.1.2.3."""
    settings = Settings(host="0.0.0.0", **limits)  # noqa: S104
    app = create_app(settings, registry)
    async with app.router.lifespan_context(app):
        asgi = trusting(Guard(app, settings, app.state.metrics), settings.trusted_proxies)
        transport = httpx.ASGITransport(app=asgi, client=("10.1.2.3", 1), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://lstm.example.org") as client:
            yield client


async def refusals(client: httpx.AsyncClient, reason: str) -> bool:
    return f'carousel_refusals_total{{reason="{reason}"}} 1.0' in (await client.get("/metrics")).text


@pytest.mark.anyio
class TestHeader:
    async def test_an_ordinary_request_is_answered(self, guarded: httpx.AsyncClient) -> None:
        reply = await guarded.post("/next-word-probs", json=NEXT)
        assert reply.status_code == 200, reply.text

    @pytest.mark.parametrize("limits", [{"allowed_hosts": "lstm.example.org"}])
    @pytest.mark.parametrize(
        ("hosts", "status"),
        [(["lstm.example.org"], 200), (["other.example.org"], 421), (["a b"], 400), (["a", "a"], 400)],
    )
    async def test_host(self, guarded: httpx.AsyncClient, hosts: list[str], status: int) -> None:
        request = httpx.Request("GET", "http://lstm.example.org/readyz", headers=[("host", host) for host in hosts])
        reply = await guarded.send(request)
        assert reply.status_code == status
        assert status == 200 or reply.headers["content-type"] == "application/problem+json"

    @pytest.mark.parametrize("limits", [{"max_header_bytes": 1000}])
    @pytest.mark.parametrize(
        ("path", "headers"),
        [("/readyz", {"x-long": "a" * 1000}), ("/readyz", {"a" * 1000: "x"}), ("/readyz?" + "a" * 1000, {})],
    )
    async def test_a_large_one_is_refused(self, guarded: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
        assert (await guarded.get("/readyz")).status_code == 200
        assert (await guarded.get(path, headers=headers)).status_code == 431
        assert await refusals(guarded, "header_too_large")

    async def test_the_request_has_one_id(self, guarded: httpx.AsyncClient) -> None:
        """Ray adds it to the reply."""
        assert "x-request-id" not in (await guarded.get("/readyz", headers={"x-request-id": "abc"})).headers


@pytest.mark.anyio
class TestBody:
    @pytest.mark.parametrize("limits", [{"body_timeout_s": 0.05}])
    @pytest.mark.parametrize("first", [b"", b'{"text": '])
    async def test_a_slow_one_is_refused(self, guarded: httpx.AsyncClient, first: bytes) -> None:
        async def body() -> AsyncIterator[bytes]:
            if first:
                yield first
            await asyncio.Event().wait()

        reply = await guarded.post("/next-word-probs", content=body(), headers={"content-type": "application/json"})
        assert (reply.status_code, reply.json()["detail"]) == (408, "the body of the request did not come in time")
        assert await refusals(guarded, "slow")

    @pytest.mark.parametrize("limits", [{"body_timeout_s": 0.05}])
    async def test_an_answer_may_take_longer(self, guarded: httpx.AsyncClient) -> None:
        """A stream also waits for the client to leave, by the same calls as for a body."""
        body = {"prompt": "the man", "model": "language-en", "max_new_tokens": 300, "min_new_tokens": 300}
        reply = await guarded.post("/generate", json=body | {"stream": True})
        assert reply.text.count("event: done") == 1

    @pytest.mark.parametrize("limits", [{"max_body_bytes": 2000}])
    async def test_a_large_one_is_refused(self, guarded: httpx.AsyncClient) -> None:
        assert (await guarded.post("/next-word-probs", json={"text": "a" * 2000})).status_code == 413


@pytest.mark.anyio
class TestAddresses:
    """Limits by the client's address; a request costs a token, of which there are 2."""

    async def statuses(self, client: httpx.AsyncClient, *addresses: str) -> list[int]:
        headers = [{"x-forwarded-for": address, "authorization": "Bearer wrong"} for address in addresses]
        return [(await client.post("/next-word-probs", json=NEXT, headers=fields)).status_code for fields in headers]

    @pytest.mark.parametrize("limits", [{"rate_limit": "2/day", "api_keys": "k", "trusted_proxies": "10.0.0.0/8"}])
    async def test_a_trusted_proxy_names_the_client(self, guarded: httpx.AsyncClient) -> None:
        addresses = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.9, 192.0.2.2", "192.0.2.2, 10.9.9.9"]
        assert await self.statuses(guarded, *addresses) == [401, 401, 429, 401, 401, 429]

    @pytest.mark.parametrize("limits", [{"rate_limit": "2/day", "api_keys": "k", "trusted_proxies": ""}])
    async def test_others_can_name_any_address_in_vain(self, guarded: httpx.AsyncClient) -> None:
        assert await self.statuses(guarded, "192.0.2.1", "192.0.2.2", "192.0.2.3") == [401, 401, 429]
