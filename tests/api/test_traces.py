"""OpenTelemetry: one span per request, named by its route, in the client's trace."""

import sys

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

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
    assert "xyzzy" not in first.to_json()


async def test_none_unless_asked_for(registry: Registry) -> None:
    app = create_app(Settings(), registry)
    assert "OpenTelemetryMiddleware" not in str(app.user_middleware)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingsError, match="CAROUSEL_TRACES: pip install"):
        exporting_provider()


def test_spans_are_exported() -> None:
    assert exporting_provider().get_tracer("test").start_span("one").is_recording()
