"""OpenTelemetry: one span per request, named by its route, in the client's trace."""

import sys

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.types import Receive, Scope, Send

from app.catalog.registry import Registry
from app.main import create_app
from app.settings import Settings, SettingsError
from app.telemetry.tracing import exporting_provider

pytestmark = pytest.mark.anyio
TRACE = "0af7651916cd43dd8448eb211c80319c"


async def test_requests_are_spans(registry: Registry) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = create_app(Settings(traces=True), registry, provider)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        body = {"prompt": "xyzzy", "model": "language-en", "max_new_tokens": 3}
        headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
        await client.post("/generate", json=body, headers=headers)
        await client.get("/models/language-en")
        await client.get("/metrics")
        await client.get("/livez")
    first, second = exporter.get_finished_spans()
    assert (first.name, second.name) == ("POST /generate", "GET /models/{name}")
    assert f"{first.context.trace_id:032x}" == TRACE
    assert first.attributes
    assert first.attributes["http.response.status_code"] == 200
    assert first.attributes["http.route"] == "/generate"


MARK = "xyzzy"


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    """Fails with a message that has a user's text in it."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ValueError(MARK)


async def test_no_span_has_what_a_client_wrote(registry: Registry) -> None:
    """Wherever it wrote it: body, path, query string, method, headers; nor what an error says of it."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = create_app(Settings(traces=True), registry, provider)
    app.mount("/failing", failing)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=f"http://{MARK}.test") as client,
    ):
        headers = {"user-agent": MARK, "authorization": f"Bearer {MARK}", "x-request-id": MARK, "cookie": MARK}
        body = {"q": MARK, "source": "en", "target": "tr"}
        paths = "/generate", "/libretranslate/translate", f"/hf/{MARK}", f"/{MARK}", f"/static/{MARK}", "/failing/"
        for path in paths:
            for method in ("POST", "GET", MARK.upper()):
                query = {"q": MARK, "api_key": MARK, "source": "en", "target": "tr"}
                await client.request(method, path, params=query, json=body, headers=headers)
    spans = exporter.get_finished_spans()
    assert len(spans) == 18
    assert not [span.to_json() for span in spans if MARK in span.to_json().lower()]
    assert {"GET", "POST", "_OTHER", "POST /libretranslate/translate", "POST /hf/{model}"} <= {s.name for s in spans}
    errors = [span.attributes["error.type"] for span in spans if span.attributes and "error.type" in span.attributes]
    assert errors == ["ValueError"] * 3


async def test_none_unless_asked_for(registry: Registry) -> None:
    app = create_app(Settings(), registry)
    assert "SpanMiddleware" not in str(app.user_middleware)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingsError, match="CAROUSEL_TRACES: pip install"):
        exporting_provider()


def test_spans_are_exported() -> None:
    assert exporting_provider().get_tracer("test").start_span("one").is_recording()
