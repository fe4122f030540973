"""Every knob of the service, with its unit in its name."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from cryptography.fernet import Fernet
from limits import RateLimitItem, parse
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.errors import ServiceError


class SettingsError(ServiceError):
    """An environment variable that makes no sense; the service does not start."""


def _names(value: object) -> object:
    return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


def _rate(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return parse(value)
    except ValueError:
        raise ValueError("it must be a number of tokens and a time, such as 60000/minute") from None


def _fernet_keys(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for number, key in enumerate(keys, 1):
        try:
            Fernet(key.get_secret_value())
        except ValueError:
            raise ValueError(f"key {number} is none that `carousel state-key` made") from None
    return keys


StateKeys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_names), AfterValidator(_fernet_keys)]


class Settings(BaseSettings):
    """Read from the environment, prefix CAROUSEL_; frozen."""

    model_config = SettingsConfigDict(env_prefix="CAROUSEL_", frozen=True, extra="forbid", arbitrary_types_allowed=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    checkpoints: Path = Field(Path("checkpoints"), description="Folder of checkpoint directories.")
    models: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        (), description="Names of those to load, with commas between; all if empty."
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where models run; auto: a GPU if there is one.")
    precision: Literal["auto", "int8", "bfloat16", "float16", "float32"] = Field(
        "auto", description="Of the models' numbers; auto: int8 on a CPU, float16 on a GPU."
    )
    threads: int = Field(0, ge=0, le=1024, description="CPU threads of one computation; 0: one a core.")
    max_prompt_characters: int = Field(20_000, ge=1, description="Longest prompt or text of the language models.")
    max_text_characters: int = Field(20_000, ge=1, description="Longest text to classify.")
    max_source_characters: int = Field(5_000, ge=1, description="Longest text to translate.")
    max_inspect_characters: int = Field(1_000, ge=1, description="Longest text to look inside at.")
    max_texts: int = Field(64, ge=1, description="Most texts in one request.")
    max_new_tokens: int = Field(1_024, ge=1, description="Most tokens that one request may generate.")
    max_choices: int = Field(8, ge=1, description="Most choices (n) of one generation.")
    max_beam_size: int = Field(16, ge=1, description="Widest beam.")
    max_body_bytes: int = Field(2_097_152, ge=1024, description="Largest request body.")
    max_header_bytes: int = Field(16_384, ge=256, description="Largest header of a request, its address included.")
    max_connections: int = Field(1_000, ge=1, description="Connections that may be open at once.")
    max_batch_rows: int = Field(256, ge=1, description="Texts (choices, beams) of a model that run together.")
    max_queued_jobs: int = Field(1_024, ge=1, description="Requests that may wait; more are refused with 429.")
    batching: Literal["step", "request"] = Field(
        "step", description="When requests may join what runs: at each step, or (to compare) when all before are done."
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_names)] = Field(
        (), description="API keys, with commas between. If there are none, nor a file of them, none is needed."
    )
    api_keys_file: Path | None = Field(None, description="A file of API keys, made by `carousel keys`.")
    public_without_keys: bool = Field(
        False, description="Listen on an address that is not this machine's own although no API key is needed."
    )
    rate_limit: Annotated[RateLimitItem | None, BeforeValidator(_rate)] = Field(
        None, description="Tokens that a client may use, such as 60000/minute; no limit if empty."
    )
    max_requests_at_once: int = Field(0, ge=0, description="Requests of a client that may run at once; 0: no limit.")
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        (), description="Origins whose pages may ask, such as https://example.org, with commas between; * is all."
    )
    state_key: StateKeys = Field(
        (),
        description="Keys that seal a model's memory for clients to keep, with commas between: the first seals, all "
        "open; `carousel state-key` makes one. If empty, one is made up at every start.",
    )
    state_lifetime_s: float = Field(86_400.0, gt=0, description="How long such a memory can be used.")
    traces: bool = Field(
        False, description="Send OpenTelemetry traces (the extra `traces`), where OTEL_… variables say."
    )
    request_timeout_s: float = Field(60.0, gt=0, description="Longest that a request may take, its waiting included.")
    header_timeout_s: float = Field(10.0, gt=0, description="How long the header of a request may take to come.")
    body_timeout_s: float = Field(20.0, gt=0, description="How long the body of a request may take to come.")
    keep_alive_timeout_s: int = Field(5, ge=1, description="How long a connection may be idle between requests.")
    write_timeout_s: float = Field(20.0, gt=0, description="How long a client may leave what is sent to it unread.")
    shutdown_timeout_s: float = Field(20.0, gt=0, description="How long running requests may take to end at shutdown.")

    @property
    def max_input_characters(self) -> int:
        """Longest text of any model."""
        return max(self.max_prompt_characters, self.max_text_characters, self.max_source_characters)

    @property
    def is_public(self) -> bool:
        """Whether others than this machine can reach the address; of a name that is not localhost, it is supposed."""
        try:
            return not ip_address(self.host).is_loopback
        except ValueError:
            return self.host != "localhost"


def check_public(settings: Settings) -> None:
    """Raise SettingsError where the service would stand open to the world and nobody said that it may."""
    if settings.is_public and not (settings.api_keys or settings.api_keys_file or settings.public_without_keys):
        raise SettingsError(
            f"CAROUSEL_HOST: {settings.host} can be reached from elsewhere, and no API key is needed; make some with "
            "`carousel keys add` (CAROUSEL_API_KEYS_FILE), or set CAROUSEL_PUBLIC_WITHOUT_KEYS=true"
        )


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment. Raises SettingsError, naming the variable."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "CAROUSEL_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{name}: {first['msg']}") from None
