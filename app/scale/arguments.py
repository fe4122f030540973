"""The arguments of the application builder, as `args` of an application in a Serve config."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from app.settings import Settings

ENVIRONMENT_ONLY = {"api_keys", "state_key"}
"""Secrets: Ray shows the arguments of applications in its dashboard and its logs."""
ELSEWHERE = {
    "host": "http_options.host of the Serve config",
    "port": "http_options.port of the Serve config",
    "http_processes": "min_replicas and max_replicas",
    "max_connections": "RAY_SERVE_HAPROXY_MAXCONN",
    "header_timeout_s": "the balancer in front of Ray",
    "keep_alive_timeout_s": "http_options.keep_alive_timeout_s of the Serve config",
    "write_timeout_s": "the balancer in front of Ray",
    "drain_delay_s": "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S",
    "shutdown_timeout_s": "graceful_shutdown_timeout_s of the deployment",
}
"""Settings of the server of `carousel serve`, which does not run here, and what sets their like under Ray."""


class Arguments(BaseModel):
    """What a Serve config may say; all else are options of Ray's own, under `deployments`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    settings: dict[str, Any] = Field(
        {}, description="Settings by their names in lower case, without CAROUSEL_: they go before the environment's."
    )
    min_replicas: int = Field(1, ge=1, description="Replicas without load.")
    max_replicas: int = Field(1, ge=1, description="Maximum of replicas.")
    target_ongoing_requests: float | None = Field(
        None,
        gt=0,
        description="Requests that a replica should have at the same time, on average; the number of replicas follows "
        "from it. By default a quarter of max_batch_rows.",
    )
    cpus: float = Field(1.0, gt=0, description="CPUs of a replica: also its threads, unless settings say otherwise.")
    gpus: float = Field(0.0, ge=0, description="GPUs of a replica.")

    @field_validator("settings")
    @classmethod
    def _are_settings(cls, settings: dict[str, Any]) -> dict[str, Any]:
        for name in settings:
            if name not in Settings.model_fields:
                raise ValueError(f"{name[:64]} is no setting; they are named in lower case, without CAROUSEL_")
            if name in ENVIRONMENT_ONLY:
                raise ValueError(f"{name} is secret: set CAROUSEL_{name.upper()} in the environment of all nodes")
            if name in ELSEWHERE:
                raise ValueError(f"{name} is without effect under Ray; instead there is {ELSEWHERE[name]}")
        return settings

    @model_validator(mode="after")
    def _replicas_are_a_range(self) -> "Arguments":
        if self.max_replicas < self.min_replicas:
            raise ValueError(f"max_replicas is {self.max_replicas}, and must be at least min_replicas")
        return self
