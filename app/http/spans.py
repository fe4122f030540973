"""OpenTelemetry: a span for each request, with nothing in it that a client wrote."""

from opentelemetry import propagate
from opentelemetry.trace import SpanKind, StatusCode, TracerProvider
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import __version__
from app.http.middleware import METHODS

UNTRACED = ("/livez", "/readyz", "/metrics")


class SpanMiddleware:
    """A span for each request, in the client's trace: method, route, status, and the class of an error.

    Starlette's own middleware also records the path, the query string, the Host and User-Agent headers and the message
    of an exception: each can have a user's text or key in it.
    """

    def __init__(self, app: ASGIApp, spans: TracerProvider) -> None:
        self.app = app
        self._tracer = spans.get_tracer("carousel", __version__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNTRACED:
            await self.app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"  # as the conventions of HTTP spans say
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with self._tracer.start_as_current_span(
            method,
            propagate.extract(headers),
            SpanKind.SERVER,
            {"http.request.method": method, "url.scheme": scope["scheme"]},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:

            async def send_with_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            try:
                await self.app(scope, receive, send_with_status)
            except Exception as error:
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(StatusCode.ERROR)
                raise
            finally:
                route = getattr(scope.get("route"), "path", "")  # the template
                if route:
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)
