"""The service in one replica: its settings, its models, the application, and whether it is healthy."""

import gc
import os
import sys

from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.engine.engine import SWITCH_S
from app.factories import load_registry
from app.http.operations.health import check_live, check_ready
from app.main import create_app
from app.scale.guard import Guard
from app.scale.plan import Plan
from app.scale.state_keys import check_common, identifiers
from app.telemetry.logs import configure_logging


class ServiceReplica:
    """Loads the models when it is constructed; the engine starts with the application's lifespan.

    Raises SettingsError for an environment that does not fit the builder's, and what `load_registry` raises.
    """

    def __init__(self, plan: Plan) -> None:
        self._settings = plan.load()
        check_common(identifiers(self._settings), plan.state_keys)
        configure_logging()
        # Ray's uvicorn would trust what a proxy on this machine says of addresses: that is for the settings to say
        os.environ["FORWARDED_ALLOW_IPS"] = ""
        gc.disable()
        try:
            registry = load_registry(self._settings)
        finally:
            gc.enable()
        gc.freeze()  # as in `app.http.server`: models and modules stay
        sys.setswitchinterval(SWITCH_S)
        self.app = create_app(self._settings, registry)

    def application(self) -> ASGIApp:
        """The service behind its guard."""
        return trusting(Guard(self.app, self._settings, self.app.state.metrics), self._settings.trusted_proxies)

    def check_health(self) -> None:
        """Raise EngineStopped where the engine does not move, or takes no work: Ray replaces the replica."""
        engine = self.app.state.engine
        check_live(engine, self._settings.request_timeout_s)
        check_ready(engine)


def trusting(app: ASGIApp, proxies: str) -> ASGIApp:
    """The application with the clients' addresses that these proxies name; as `forwarded_allow_ips` of uvicorn."""
    return ProxyHeadersMiddleware(app, proxies) if proxies else app  # type: ignore[arg-type, return-value]
