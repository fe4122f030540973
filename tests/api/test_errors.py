"""What the service answers when it is busy, slow, stopped or wrong."""

import json
from types import SimpleNamespace

import httpx
import pytest

from app.engine.engine import Engine
from app.engine.jobs import ClassifyJob
from app.logs import JsonFormatter
from app.main import create_app
from app.settings import Settings, SettingsError, load_settings

pytestmark = pytest.mark.anyio
BODY = {"text": "xyzzy", "model": "sentiment-en"}


@pytest.fixture
async def service(registry):
    """A client, and the engine behind it, to be replaced as a test needs."""
    app = create_app(Settings(request_timeout_s=0.05), registry)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield SimpleNamespace(client=client, app=app, registry=registry)


async def test_a_full_queue_is_429_with_retry_after(service) -> None:
    full = Engine(service.registry, max_queued=0)
    full.start()
    service.app.state.engine, engine = full, service.app.state.engine
    response = await service.client.post("/classify", json=BODY)
    service.app.state.engine = engine
    full.stop(1)
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")
    assert response.json()["title"] == "Too many requests"


async def test_too_slow_is_504_and_the_job_is_cancelled(service) -> None:
    class Never:
        registry = service.registry

        def submit(self, job):
            from concurrent.futures import Future

            self.future = Future()
            return self.future

    service.app.state.engine, engine = (never := Never()), service.app.state.engine
    response = await service.client.post("/classify", json=BODY)
    service.app.state.engine = engine
    assert (response.status_code, response.json()["detail"]) == (504, "no answer within 0.05 s")
    assert never.future.cancelled()


async def test_a_stopped_engine_is_503_everywhere(service) -> None:
    service.app.state.engine.stop(1)
    for response in (
        await service.client.post("/classify", json=BODY),
        await service.client.get("/readyz"),
        await service.client.get("/livez"),
    ):
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")


async def test_an_error_of_ours_is_500_and_tells_nothing(service, caplog: pytest.LogCaptureFixture) -> None:
    def broken(checkpoint, jobs):
        raise RuntimeError("xyzzy is what the user wrote")

    engine = Engine(service.registry, work={ClassifyJob: broken})
    engine.start()
    service.app.state.engine, kept = engine, service.app.state.engine
    response = await service.client.post("/classify", json=BODY)
    service.app.state.engine = kept
    engine.stop(1)
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "xyzzy" not in response.text
    assert response.headers["x-request-id"]
    (failed,) = [record for record in caplog.records if record.getMessage() == "job_failed"]
    assert json.loads(JsonFormatter().format(failed))["request_id"] == response.headers["x-request-id"]
    (failed,) = [record for record in caplog.records if record.getMessage() == "request_failed"]
    event = json.loads(JsonFormatter().format(failed))
    assert event["error"] == "RuntimeError"
    assert "xyzzy" not in json.dumps(event)


async def test_logs_are_json_without_a_users_text(service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="app")
    await service.client.post("/classify", json=BODY, headers={"x-request-id": "id-7"})
    await service.client.get("/xyzzy")
    events = [record.getMessage() for record in caplog.records]
    assert {"batch_done", "request_done"} <= set(events)
    assert "xyzzy" not in "".join(str(record.__dict__) for record in caplog.records if record.name.startswith("app"))


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAROUSEL_PORT", "9000")
    monkeypatch.setenv("CAROUSEL_MODELS", "language-en, sentiment-tr")
    settings = load_settings()
    assert (settings.port, settings.models) == (9000, ("language-en", "sentiment-tr"))
    monkeypatch.setenv("CAROUSEL_PORT", "nine")
    with pytest.raises(SettingsError, match="CAROUSEL_PORT"):
        load_settings()
