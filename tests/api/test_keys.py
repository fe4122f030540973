"""API keys, rate limits and concurrency limits."""

import asyncio
import errno
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from limits import parse
from typer.testing import CliRunner

from app.access.keys import ApiKey, KeyFile, KeyFileError, KeyRing, hash_of
from app.access.limits import Guard
from app.catalog.registry import Registry
from app.cli import cli
from app.errors import LimitExceeded
from app.main import create_app
from app.settings import Settings, SettingsError, check_public, load_settings
from tests.helpers import TokenSlow, wrapped

pytestmark = pytest.mark.anyio
GENERATE = {"prompt": "the man", "model": "language-en", "max_new_tokens": 8, "seed": 3}
OPEN = ("/livez", "/readyz", "/docs", "/openapi.json")
CLOSED = ("/models", "/models/language-en", "/metrics")
MakeClient = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def serve(registry: Registry) -> MakeClient:
    @asynccontextmanager
    async def make(models: Registry | None = None, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(Settings(**settings), models or registry)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                yield client

    return make


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


class TestKeys:
    async def test_none_needed_by_default(self, serve: MakeClient) -> None:
        async with serve() as client:
            for headers in ({}, bearer("whatever")):
                assert (await client.post("/generate", json=GENERATE, headers=headers)).status_code == 200

    async def test_needed_where_there_are_any(self, serve: MakeClient) -> None:
        async with serve(api_keys="first-key,second-key") as client:
            for secret in ("first-key", "second-key"):
                assert (await client.post("/generate", json=GENERATE, headers=bearer(secret))).status_code == 200
            for headers in (
                {},
                bearer(""),
                bearer("first-ke"),
                bearer("first-key,second-key"),
                {"Authorization": "first-key"},
            ):
                response = await client.post("/generate", json=GENERATE, headers=headers)
                assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
                assert response.headers["content-type"] == "application/problem+json"
                assert "first-ke" not in response.text
            for path in OPEN:
                assert (await client.get(path)).status_code == 200
            for path in CLOSED:
                assert (await client.get(path)).status_code == 401
                assert (await client.get(path, headers=bearer("first-key"))).status_code == 200

    async def test_the_api_page_asks_for_one_where_it_is_needed(self, serve: MakeClient) -> None:
        async with serve() as client:
            assert "securitySchemes" not in (await client.get("/openapi.json")).json()["components"]
        async with serve(api_keys="one") as client:
            document = (await client.get("/openapi.json")).json()
            assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
            assert document["paths"]["/generate"]["post"]["security"]

    async def test_a_state_is_its_clients_own(self, serve: MakeClient) -> None:
        async with serve(api_keys="one,two") as client:
            body = GENERATE | {"return_state": True}
            state = (await client.post("/generate", json=body, headers=bearer("one"))).json()["state"]
            replies = [
                await client.post("/generate", json={"state": state}, headers=bearer(key)) for key in ("one", "two")
            ]
        assert [reply.status_code for reply in replies] == [200, 409]
        assert "another client" in replies[1].text

    async def test_a_file_counts_from_the_next_request_on(self, serve: MakeClient, tmp_path: Path) -> None:
        file = KeyFile(tmp_path / "keys.json")
        async with serve(api_keys_file=file.path) as client:

            async def status(secret: str) -> int:
                return (await client.get("/models", headers=bearer(secret))).status_code

            assert await status("none yet") == 401
            first = file.add("first")
            assert await status(first) == 200
            second = file.add("second")
            file.revoke("first")
            assert [await status(first), await status(second)] == [401, 200]
            file.path.write_text("damaged")
            assert await status(second) == 200


class TestKeyFile:
    def test_secrets_are_kept_nowhere(self, tmp_path: Path) -> None:
        file = KeyFile(tmp_path / "keys.json")
        secret = file.add("first")
        assert secret not in file.path.read_text()
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
        (key,) = file.read()
        assert (key.name, key.hash) == ("first", hash_of(secret))
        assert KeyRing(file=file.path).find(secret) == key
        assert not list(tmp_path.glob(".*"))

    def test_refusals(self, tmp_path: Path) -> None:
        file = KeyFile(tmp_path / "keys.json")
        file.add("first")
        with pytest.raises(KeyFileError, match="a key named first already"):
            file.add("first")
        with pytest.raises(KeyFileError, match="no key named second"):
            file.revoke("second")
        file.path.write_text("[]")
        with pytest.raises(KeyFileError, match="not a file of keys"):
            KeyRing(file=file.path)
        with pytest.raises(KeyFileError, match="can't be written"):
            KeyFile(tmp_path / "none" / "keys.json").add("first")

    def test_a_full_disk_is_named_as_such(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As everywhere that something is written."""
        file = KeyFile(tmp_path / "keys.json")
        file.add("first")
        full = OSError(errno.ENOSPC, "No space left on device")
        monkeypatch.setattr("models.files._sync", Mock(side_effect=full))
        with pytest.raises(KeyFileError, match="can't be written: the disk is full"):
            file.add("second")
        assert [key.name for key in file.read()] == ["first"]

    def test_the_command(self, tmp_path: Path) -> None:
        path, run = str(tmp_path / "keys.json"), CliRunner().invoke
        secret = run(cli.app, ["keys", "add", "ada", "--file", path]).stdout.strip()
        assert KeyRing(file=Path(path)).find(secret) == ApiKey(
            "ada", hash_of(secret), KeyFile(Path(path)).read()[0].created
        )
        assert "ada" in run(cli.app, ["keys", "list", "--file", path]).stdout
        assert run(cli.app, ["keys", "revoke", "ada", "--file", path]).exit_code == 0
        assert KeyFile(Path(path)).read() == []
        assert isinstance(run(cli.app, ["keys", "list"]).exception, KeyFileError)


class TestLimits:
    async def test_tokens(self, serve: MakeClient) -> None:
        """A generation costs its maximum of new tokens plus a quarter of its prompt's characters."""
        async with serve(api_keys="one,two", rate_limit="60/hour") as client:
            replies = [await client.post("/generate", json=GENERATE, headers=bearer("one")) for _ in range(7)]
            other = await client.post("/generate", json=GENERATE, headers=bearer("two"))
            free = await client.get("/models", headers=bearer("one"))
        assert [reply.status_code for reply in replies] == [200] * 6 + [429]
        assert [reply.headers["ratelimit"].split(";")[1] for reply in replies] == [
            f"r={left}" for left in (50, 40, 30, 20, 10, 0, 0)
        ]
        assert {reply.headers["ratelimit-policy"] for reply in replies} == {'"tokens";q=60;w=3600'}
        assert 1 <= int(replies[-1].headers["retry-after"]) <= 7200
        assert (other.status_code, free.status_code) == (200, 200)

    @pytest.mark.parametrize("start_s", [1_800_000_000.0, 1_800_000_030.0, 1_800_000_057.0])
    @pytest.mark.parametrize("used", [(100,), (60, 40), (1, 99), (90,)])
    @pytest.mark.parametrize("cost", [20, 60, 100])
    async def test_the_time_to_retry_is_true_for_the_cost(
        self, monkeypatch: pytest.MonkeyPatch, start_s: float, used: tuple[int, ...], cost: int
    ) -> None:
        """Then it is accepted, and a second before that it is not."""
        now = start_s
        monkeypatch.setattr("time.time", lambda: now)
        guard = Guard(KeyRing(), parse("100/minute"), clock=lambda: now)
        for number, tokens in enumerate(used):
            now += 20 * bool(number)
            await guard.charge("a", tokens)
        with pytest.raises(LimitExceeded) as refused:
            await guard.charge("a", cost)
        refused_at, wait_s = now, refused.value.retry_after_s
        if wait_s > 1:
            now = refused_at + wait_s - 1
            with pytest.raises(LimitExceeded):
                await guard.charge("a", cost, commit=False)
        now = refused_at + wait_s + 0.01
        await guard.charge("a", cost)

    async def test_what_is_refused_costs_nothing(self, serve: MakeClient) -> None:
        async with serve(rate_limit="60/hour") as client:
            for bad in ({"state": "none"}, {"model": "none"}):
                assert (await client.post("/generate", json=GENERATE | bad)).status_code in (404, 409)
            unknown = {"model": "language-en", "prompt": [99999], "max_tokens": 20}
            assert (await client.post("/v1/completions", json=unknown)).status_code == 400
            left = (await client.post("/generate", json=GENERATE)).headers["ratelimit"]
            assert left.split(";")[1] == "r=50"

    async def test_prompts_of_one_request_are_paid_for_together(self, serve: MakeClient) -> None:
        many = {"model": "language-en", "prompt": ["the man"] * 6, "max_tokens": 8}
        async with serve(rate_limit="60/hour") as client:
            assert (await client.post("/v1/completions", json=many)).status_code == 200
            refused = await client.post("/v1/completions", json=many)
            assert (refused.status_code, refused.headers["ratelimit"].split(";")[1]) == (429, "r=1")
            never = await client.post("/v1/completions", json=many | {"prompt": ["the man"] * 7})
            assert (never.status_code, "69 tokens" in never.text) == (400, True)

    async def test_what_would_never_be_allowed(self, serve: MakeClient) -> None:
        async with serve(rate_limit="60/hour") as client:
            response = await client.post("/generate", json=GENERATE | {"max_new_tokens": 100})
        assert response.status_code == 422
        assert "costs 102 tokens, and a client may use 60 in 3600 s" in response.text

    async def test_at_once(self, serve: MakeClient, registry: Registry) -> None:
        slow = wrapped(registry, "language-en", TokenSlow)
        body = GENERATE | {"max_new_tokens": 40}
        async with serve(slow, api_keys="one,two", max_requests_at_once=2) as client:
            replies = await asyncio.gather(
                *(client.post("/generate", json=body, headers=bearer(key)) for key in ("one", "one", "one", "two"))
            )
            assert sorted(reply.status_code for reply in replies[:3]) == [200, 200, 429]
            assert replies[3].status_code == 200
            again = await client.post("/generate", json=GENERATE, headers=bearer("one"))
            assert again.status_code == 200


class TestSettings:
    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org"])  # noqa: S104
    def test_no_public_address_without_keys(self, host: str) -> None:
        with pytest.raises(SettingsError, match=f"CAROUSEL_HOST: {host} can be reached"):
            check_public(Settings(host=host))
        for reason in ({"api_keys": "one"}, {"api_keys_file": Path("keys")}, {"public_without_keys": True}):
            check_public(Settings(host=host, **reason))

    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.5.5.5"])
    def test_this_machine_is_not_the_public(self, host: str) -> None:
        check_public(Settings(host=host))

    def test_a_limit_that_makes_no_sense(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CAROUSEL_RATE_LIMIT", "many")
        with pytest.raises(SettingsError, match=r"CAROUSEL_RATE_LIMIT: .*60000/minute"):
            load_settings()


class TestOtherOrigins:
    async def test_only_those_that_settings_name(self, serve: MakeClient) -> None:
        headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
        async with serve() as client:
            assert (await client.options("/generate", headers=headers)).status_code == 405
        async with serve(cors_origins="https://example.org", api_keys="one") as client:
            response = await client.options("/generate", headers=headers)
            assert (response.status_code, response.headers["access-control-allow-origin"]) == (
                200,
                "https://example.org",
            )
            refused = await client.post("/generate", json=GENERATE, headers={"Origin": "https://example.org"})
            assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "https://example.org")
            assert (
                await client.options("/generate", headers=headers | {"Origin": "https://evil.org"})
            ).status_code == 400
