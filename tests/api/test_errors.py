"""Responses when the service is overloaded, too slow, shutting down or failing."""

import asyncio
import json
import re
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from app.engine.engine import Engine, EngineConfig
from app.errors import TooMuchWork
from app.http.problem_examples import problem_example
from app.http.problems import problem_document
from app.http.routing import ROUTES
from app.main import create_app
from app.settings import Settings, SettingsError, load_settings
from app.telemetry.logs import json_formatter
from tests.helpers import TokenSlow, Wrapped, wrapped

pytestmark = pytest.mark.anyio
BODY = {"text": "xyzzy", "model": "sentiment-en"}


@pytest.fixture
async def service(registry):
    """A client and its engine, whose parts a test may replace."""
    app = create_app(Settings(request_timeout_s=0.05), registry)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield SimpleNamespace(client=client, app=app, registry=registry)


async def test_a_full_queue_is_429_with_retry_after(service) -> None:
    full = Engine(service.registry, EngineConfig(max_queued=0))
    full.start()
    service.app.state.engine, engine = full, service.app.state.engine
    response = await service.client.post("/classify", json=BODY)
    service.app.state.engine = engine
    full.stop(1)
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")
    assert response.json()["title"] == "Too many requests"


@pytest.mark.parametrize("others", [0, 1], ids=["alone", "beside another"])
async def test_too_slow_is_413_alone_and_504_beside_others_and_the_job_ends(service, others: int) -> None:
    engine = Engine(wrapped(service.registry, "language-en", TokenSlow), EngineConfig(timeout_s=0.05))
    engine.start()
    service.app.state.engine, kept = engine, service.app.state.engine
    body = {"prompt": "the man", "model": "language-en", "max_new_tokens": 1000, "temperature": 1.0}
    responses = await asyncio.gather(*(service.client.post("/generate", json=body) for _ in range(1 + others)))
    for response in responses:
        detail = response.json()["detail"]
        if others:
            assert (response.status_code, detail) == (504, "no answer within 0.05 s")
            documented = problem_example(504, "/generate").model_dump()
            assert response.json() == documented | {"detail": documented["detail"].replace("60 s", "0.05 s")}
        else:
            assert response.status_code == 413
            assert re.fullmatch(r"it would take .+; send it in parts, each at most \d+% of it", detail)
    while engine.running or engine.queued:
        await asyncio.sleep(0.001)
    service.app.state.engine = kept
    await asyncio.to_thread(engine.stop, 5)


async def test_too_slow_in_mid_stream_is_an_error_event(service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TokenSlow, "seconds", 0.02)
    registry = wrapped(service.registry, "language-en", TokenSlow)
    engine = Engine(registry, EngineConfig(timeout_s=0.1))
    engine.start()
    service.app.state.engine, kept = engine, service.app.state.engine
    body = {"prompt": "a", "model": "language-en", "max_new_tokens": 1000, "stream": True, "temperature": 1.0}
    response = await service.client.post("/generate", json=body)
    service.app.state.engine = kept
    await asyncio.to_thread(engine.stop, 5)
    assert response.status_code == 200
    *_, last, error = response.text.strip().split("\n\n")
    assert "\nid: " in last, "from which the stream can be resumed"
    name, data = error.split("\n")  # no id of its own, which would be that of a piece that was not sent
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: "))["status"] == 504


async def test_a_client_that_hangs_up_ends_its_job(service) -> None:
    """Also of a request without a stream: its response can no longer be delivered."""
    engine = Engine(wrapped(service.registry, "language-en", TokenSlow), EngineConfig())
    engine.start()
    service.app.state.engine, kept = engine, service.app.state.engine
    body = {"prompt": "a", "model": "language-en", "max_new_tokens": 1000, "temperature": 1.0}
    status = await hang_up(service.app, "/generate", body, after=lambda: engine.running)
    assert status == 499
    while engine.running or engine.queued:
        await asyncio.sleep(0.001)
    service.app.state.engine = kept
    await asyncio.to_thread(engine.stop, 5)


async def hang_up(app, path: str, body: dict, after) -> int:
    """Post a body over ASGI, and disconnect when `after` is true; return the status."""
    content, sent, statuses = json.dumps(body).encode(), asyncio.Event(), []

    async def receive():
        if not sent.is_set():
            sent.set()
            return {"type": "http.request", "body": content, "more_body": False}
        while not after():
            await asyncio.sleep(0.001)
        return {"type": "http.disconnect"}

    async def send(message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers, "client": ("127.0.0.1", 1), "server": ("test", 80), "scheme": "http",
        "http_version": "1.1", "root_path": "", "asgi": {"version": "3.0"},
    }  # fmt: skip
    await app(scope, receive, send)
    return statuses[0]


async def test_a_stopped_engine_is_503_everywhere(service) -> None:
    service.app.state.engine.stop(1)
    for response in (
        await service.client.post("/classify", json=BODY),
        await service.client.get("/readyz"),
        await service.client.get("/livez"),
    ):
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")


async def test_an_error_of_ours_is_500_and_tells_nothing(service, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Wrapped):
        def classify(self, batch, explain):
            raise RuntimeError("xyzzy is what the user wrote")

    engine = Engine(wrapped(service.registry, "sentiment-en", Broken))
    engine.start()
    service.app.state.engine, kept = engine, service.app.state.engine
    response = await service.client.post("/classify", json=BODY)
    service.app.state.engine = kept
    engine.stop(1)
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "xyzzy" not in response.text
    logged = [json_formatter().format(record) for record in caplog.records]
    events = {event["event"]: event for event in map(json.loads, logged)}
    assert events["job_failed"]["request"] == response.headers["x-request-id"]
    assert events["request_failed"]["request_id"] == response.headers["x-request-id"]
    assert events["request_failed"]["error"] == "RuntimeError"
    assert any("engine" in frame for frame in events["request_failed"]["trace"])
    assert "xyzzy" not in "".join(logged)


async def test_logs_are_json_without_a_users_text(service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="app")
    await service.client.post("/classify", json=BODY, headers={"x-request-id": "id-7"})
    await service.client.get("/xyzzy")
    events = [
        json.loads(json_formatter().format(record)) for record in caplog.records if record.name == "app.http.middleware"
    ]
    done = [event for event in events if event["event"] == "request_done"]
    assert [(event["request_id"] == "id-7", event["route"], event["status"]) for event in done] == [
        (True, "/classify", 200), (False, "", 404),
    ]  # fmt: skip
    assert "xyzzy" not in "".join(str(record.__dict__) for record in caplog.records if record.name.startswith("app"))


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAROUSEL_PORT", "9000")
    monkeypatch.setenv("CAROUSEL_MODELS", "language-en, sentiment-tr")
    settings = load_settings()
    assert (settings.port, settings.models) == (9000, ("language-en", "sentiment-tr"))
    monkeypatch.setenv("CAROUSEL_PORT", "nine")
    with pytest.raises(SettingsError, match="CAROUSEL_PORT"):
        load_settings()


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/translate", "/text"),
        ("/libretranslate/translate", "/q"),
        ("/hf/translation-en-tr", "/inputs"),
        ("/v2/models/translation-en-tr/infer", "/inputs/0/data"),
    ],
)
def test_too_much_work_is_413_with_its_field_in_every_family(path: str, pointer: str) -> None:
    problem = problem_document(path, TooMuchWork("it would take 90 s or more", "text"))
    assert (problem.status, problem.detail) == (413, "it would take 90 s or more")
    assert [error.pointer for error in problem.errors] == [pointer]


POSTS = sorted({f"{group.prefix}{route.path}" for group in ROUTES for route in group.routes if route.method == "POST"})
TYPES = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=line", "audio/wav", "")


@pytest.mark.parametrize("media_type", TYPES)
async def test_a_client_that_leaves_within_its_body_is_no_error_of_ours(all_kinds, caplog, media_type: str) -> None:
    """On every route."""
    app = create_app(Settings(), all_kinds)
    fields = [(b"host", b"test"), (b"content-length", b"100"), (b"content-type", media_type.encode())]
    async with app.router.lifespan_context(app):
        for name in ("language-en", "digits-speaker", "numbers"):
            for path in POSTS:
                events = iter([{"type": "http.request", "body": b"{", "more_body": True}])
                scope = {"type": "http", "method": "POST", "path": path.format(model=name), "query_string": b"",
                         "headers": fields, "http_version": "1.1", "scheme": "http"}  # fmt: skip
                sent: list[Any] = []

                async def receive(events: Any = events) -> Any:
                    return next(events, {"type": "http.disconnect"})

                async def send(message: Any, sent: list[Any] = sent) -> None:
                    sent.append(message)

                await app(scope, receive, send)
                assert sent[0]["status"] < 500, path
    assert not [record.msg for record in caplog.records if record.levelname != "INFO"]
