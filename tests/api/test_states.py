"""States that clients keep: a text sent in pieces gets the same response as the whole text."""

import json
import zlib
from dataclasses import replace
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from app.access.sealing import Sealer
from app.catalog.registry import Registry, Served
from app.engine.snapshot import SamplingState, Snapshot
from app.errors import Conflict
from app.main import create_app
from app.settings import Settings, SettingsError, load_settings

pytestmark = pytest.mark.anyio
GENERATE = {"prompt": "the man", "model": "language-en", "max_new_tokens": 40, "seed": 3, "temperature": 1.2}
KEY = Fernet.generate_key().decode()
SNAPSHOT = Snapshot("m", "v", "int8", b"\0\xff\1", (1, 2), " wörd", b"\x80", SamplingState(2**62, 7, "ab", b"\xe2\x82"))


async def ask(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    response = await client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def refused(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    response = await client.post(path, json=body)
    assert response.status_code in (409, 422), response.text
    return response.json()["errors"][0]


class TestStates:
    async def test_ten_requests_are_one(self, client: httpx.AsyncClient) -> None:
        whole = await ask(client, "/generate", **GENERATE)
        body = GENERATE | {"max_new_tokens": 4, "return_state": True}
        text, reply = "", await ask(client, "/generate", **body)
        for _ in range(9):
            text += reply["choices"][0]["text"]
            body = {"state": reply["state"], "max_new_tokens": 4, "temperature": 1.2, "return_state": True}
            reply = await ask(client, "/generate", **body)
            assert (reply["model"], reply["seed"]) == ("language-en", 3)
        assert whole["choices"][0]["text"].startswith(text + reply["choices"][0]["text"])
        assert len(text) > 10

    async def test_only_what_is_new_is_sent(self, client: httpx.AsyncClient) -> None:
        text, state = "", dict[str, str]()
        for piece in ("the m", "an", " sees", " the", " dog "):
            text += piece
            reply = await ask(client, "/next-word-probs", text=piece, return_state=True, **state)
            state = {"state": reply.pop("state")}
            assert reply == await ask(client, "/next-word-probs", text=text, model=reply["model"])
        same = {"seed": 5, "max_new_tokens": 10}
        generated = await ask(client, "/generate", **state, **same)
        whole = await ask(client, "/generate", prompt=text, model=reply["model"], **same)
        assert generated["choices"] == whole["choices"]

    async def test_no_state_unless_asked_for(self, client: httpx.AsyncClient) -> None:
        assert "state" not in await ask(client, "/generate", **GENERATE)
        assert "state" not in await ask(client, "/next-word-probs", text="the man")

    async def test_replicas_with_the_same_keys(self, client: httpx.AsyncClient, registry: Registry) -> None:
        """A state of one replica is valid on another, with an older key too, and invalid elsewhere."""
        old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
        states, replies = {}, {}
        for keys in (old, f"{new},{old}", new):
            app = create_app(Settings(state_key=keys), registry)
            async with app.router.lifespan_context(app):
                transport = httpx.ASGITransport(app=app)
                async with httpx.AsyncClient(transport=transport, base_url="http://test") as replica:
                    states[keys] = (await ask(replica, "/generate", return_state=True, **GENERATE))["state"]
                    for known, state in states.items():
                        response = await replica.post("/generate", json={"state": state})
                        replies[known, keys] = response.status_code
        assert replies == {
            (old, old): 200, (old, f"{new},{old}"): 200, (old, new): 409,
            (f"{new},{old}", f"{new},{old}"): 200, (f"{new},{old}", new): 200, (new, new): 200,
        }  # fmt: skip

    async def test_refusals_name_the_field(self, client: httpx.AsyncClient) -> None:
        state = (await ask(client, "/generate", return_state=True, **GENERATE))["state"]
        middle = len(state) // 2
        altered = state[:middle] + ("A" if state[middle] != "A" else "B") + state[middle + 1 :]
        for path in ("/generate", "/next-word-probs"):
            for bad in (altered, state[:-9], "none", "", "\u00e9", "🙂"):
                error = await refused(client, path, state=bad)
                assert (error["pointer"], "can't be opened" in error["detail"]) == ("/state", True)
            assert (await refused(client, path, state=state, model="language-tr"))["pointer"] == "/model"
            pointer = "/prompt" if path == "/generate" else "/text"
            assert (await refused(client, path))["pointer"] == pointer
        response = await client.post("/generate", json=GENERATE | {"n": 2, "return_state": True})
        assert response.status_code == 422


class TestSwap:
    async def test_a_swap_while_a_request_is_let_in_mixes_no_versions(
        self, client: httpx.AsyncClient, registry: Registry
    ) -> None:
        """Text, state and response are all from the version that the request was resolved to."""
        turkish = registry.get("language-tr")
        other = Served(replace(turkish.checkpoint, name="language-en"), turkish.runtime, turkish.vocabulary)

        class SwapsOnce(Registry):
            def for_prompt(self, *arguments: Any) -> Served:
                served = super().for_prompt(*arguments)
                self.swap(other)
                return served

        app = create_app(Settings(state_key=KEY), SwapsOnce(registry.models.values(), registry.device))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as swapping:
                first = await ask(swapping, "/generate", return_state=True, **GENERATE)
                second = await ask(swapping, "/generate", **GENERATE)
                response = await swapping.post("/generate", json={"state": first["state"]})
        assert first["choices"] == (await ask(client, "/generate", **GENERATE))["choices"]
        assert second["choices"] == (await ask(client, "/generate", **GENERATE | {"model": "language-tr"}))["choices"]
        assert (response.status_code, "another version" in response.json()["detail"]) == (409, True)
        app = create_app(Settings(state_key=KEY), registry)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as old:
                await ask(old, "/generate", state=first["state"])


class TestSealer:
    def test_nothing_is_lost(self) -> None:
        sealer = Sealer([], 10)
        assert sealer.open(sealer.seal(SNAPSHOT, "a"), "a") == SNAPSHOT
        plain = Snapshot("m", "v", "int8", b"1", (1,), "", b"")
        assert sealer.open(sealer.seal(plain, ""), "") == plain

    def test_it_can_not_be_read(self) -> None:
        token = Sealer([], 10).seal(SNAPSHOT, "a")
        with pytest.raises(Conflict, match="another key"):
            Sealer([], 10).open(token, "a")

    def test_it_expires_and_belongs_to_one(self) -> None:
        now = 1000.0
        sealer = Sealer([], 60, lambda: now)
        token = sealer.seal(SNAPSHOT, "a")
        with pytest.raises(Conflict, match="another client"):
            sealer.open(token, "b")
        now = 1060.0
        assert sealer.open(token, "a") == SNAPSHOT
        now = 1060.1
        with pytest.raises(Conflict, match="expired"):
            sealer.open(token, "a")

    def test_every_change_is_seen(self) -> None:
        sealer = Sealer([], 60)
        token = sealer.seal(SNAPSHOT, "a")
        for index in range(0, len(token), 3):
            other = token[:index] + ("x" if token[index] != "x" else "y") + token[index + 1 :]
            with pytest.raises(Conflict):
                sealer.open(other, "a")

    @pytest.mark.parametrize(
        "content",
        [
            b"none",
            b"{}",
            b'{"snapshot": {"drawing": null}, "client": "", "expires": 9e9}',
            b'{"client": "", "expires": 9e9}',
        ],
    )
    def test_what_another_version_sealed_is_refused(self, content: bytes) -> None:
        fernet = Fernet(KEY)
        for sealed in (content, zlib.compress(content)):
            with pytest.raises(Conflict) as refusal:
                Sealer([KEY], 60).open(fernet.encrypt(sealed).decode(), "")
            assert refusal.value.field == "state"

    def test_a_field_that_is_not_known_is_refused(self) -> None:
        """An unknown field may change the result, in a way that an older version does not know."""
        text = zlib.decompress(Fernet(KEY).decrypt(Sealer([KEY], 60).seal(SNAPSHOT, "")))
        content = json.loads(text)
        content["snapshot"]["drawing"] = content["snapshot"].pop("sampling")
        token = Fernet(KEY).encrypt(zlib.compress(json.dumps(content).encode())).decode()
        with pytest.raises(Conflict, match="another version of this service"):
            Sealer([KEY], 60).open(token, "")

    def test_a_bad_key_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CAROUSEL_STATE_KEY", Fernet.generate_key().decode() + ",short")
        with pytest.raises(SettingsError, match=r"CAROUSEL_STATE_KEY: .*key 2"):
            load_settings()
