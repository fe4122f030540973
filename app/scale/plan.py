"""What follows from the builder's arguments and the environment: the settings of replicas, the deployment's options."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.backend import ENGINE_STOP_S
from app.scale.arguments import Arguments
from app.scale.state_keys import identifiers
from app.settings import Settings, SettingsError, load_settings

RESERVED_REQUESTS = 32
"""Requests of a replica that need neither slot nor queue: health checks, lists, and refusals, which are answered."""
SHUTDOWN_MARGIN_S = 10.0
SURGE_PERCENT = 25
# for the rules about public addresses: Ray's proxies listen, not the replica
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104  # nosec B104


@dataclass(frozen=True)
class Plan:
    """What a replica needs: settings that go before its environment's, and the builder's state keys by identifier."""

    settings: Mapping[str, Any]
    state_keys: tuple[str, ...]

    def load(self) -> Settings:
        """The settings of a replica, from the environment of its process. Raises SettingsError."""
        settings = load_settings(**self.settings)
        return settings.model_copy(update={"host": ALL_ADDRESSES, "trusted_proxies": _trusted(settings)})


def make_plan(arguments: Arguments) -> Plan:
    """Raises SettingsError, naming the variable, for invalid settings, without a state key, or without API keys."""
    values = dict(arguments.settings)
    settings = load_settings(**values)
    if not (settings.api_keys or settings.api_keys_file or settings.public_without_keys):
        raise SettingsError(
            "CAROUSEL_API_KEYS_FILE: Ray's proxies can be reached from elsewhere, and no API key is needed; make some "
            "with `carousel keys add`, or set CAROUSEL_PUBLIC_WITHOUT_KEYS=true"
        )
    if not settings.threads:
        values["threads"] = math.ceil(arguments.cpus)  # else a thread for each core of the node
    return Plan(values, identifiers(settings))


def deployment_options(arguments: Arguments, settings: Settings) -> dict[str, Any]:
    """Options of a Ray Serve deployment; those of the Serve config go before them.

    The engine decides what is refused, as it knows the deadlines: Ray passes on as many requests as have a slot or fit
    into the queue. What stops waits as long as a request may take.
    """
    return {
        "max_ongoing_requests": settings.max_batch_rows + settings.max_queued_jobs + RESERVED_REQUESTS,
        "max_queued_requests": settings.max_queued_jobs,
        "backpressure_config": {"status_code": 429, "retry_after_s": 1},
        "autoscaling_config": {
            "min_replicas": arguments.min_replicas,
            "max_replicas": arguments.max_replicas,
            "target_ongoing_requests": arguments.target_ongoing_requests or max(1, settings.max_batch_rows / 4),
        },
        "ray_actor_options": {"num_cpus": arguments.cpus, "num_gpus": arguments.gpus},
        "graceful_shutdown_timeout_s": settings.request_timeout_s + ENGINE_STOP_S + SHUTDOWN_MARGIN_S,
        "max_surge_percent": SURGE_PERCENT,
    }


def _trusted(settings: Settings) -> str:
    """The proxies that are trusted: none by default.

    The default of `carousel serve`, proxies on the same machine, would be Ray's: it does not append to X-Forwarded-For,
    so that clients could name any address.
    """
    return settings.trusted_proxies if "trusted_proxies" in settings.model_fields_set else ""
