"""Where OpenTelemetry traces go. They need the extra `traces`."""

from typing import TYPE_CHECKING

from app.settings import SettingsError

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider


def exporting_provider() -> "TracerProvider":
    """Exports spans by OTLP over HTTP, as configured by OTEL_EXPORTER_OTLP_ENDPOINT and others.

    Raises SettingsError where the extra is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise SettingsError("CAROUSEL_TRACES: pip install 'carousel-lstm[traces]' first") from None
    provider = TracerProvider(resource=Resource.create({"service.name": "carousel"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
