"""The settings of the service, each with its unit in its name."""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

from cryptography.fernet import Fernet
from limits import RateLimitItem, parse
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.errors import ServiceError

PREFIX = "CAROUSEL_"
BLANKS = {"trusted_proxies"}
"""Settings of which a blank is a value: no proxy is trusted."""
OTHERS = {"CAROUSEL_DATA", "CAROUSEL_URL"}
"""Variables of the same prefix that are not the service's: the trainer's recipes read data there, and
the notebook of the docs asks the service there."""


class SettingsError(ServiceError):
    """An invalid environment variable; the service does not start."""


def _items(value: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in value.split(",") if item.strip())


def _names(value: object) -> object:
    return _items(value) if isinstance(value, str) else value


def _defaults(value: object) -> object:
    """Pairs of a use, such as classify:tr or classify, and a model's name."""
    if not isinstance(value, str):
        return value
    pairs = []
    for item in _items(value):
        use, equals, name = (part.strip() for part in item.partition("="))
        if not (use and equals and name):
            raise ValueError("it must be a use and a model, such as classify:tr=sentiment-tr; commas between several")
        pairs.append((use, name))
    return tuple(pairs)


def _rate(value: object) -> object:
    if not isinstance(value, str):
        return value
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


def _root_path(value: str) -> str:
    path = value.strip().rstrip("/")
    if path and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", path):
        raise ValueError("it must be a path such as /lstm")
    return path or "/"


def _proxies(value: str) -> str:
    proxies = [part.strip() for part in value.split(",") if part.strip()]
    for proxy in proxies:
        if proxy != "*":
            try:
                ip_network(proxy)
            except ValueError:
                raise ValueError("each must be an address, or a network such as 10.0.0.0/8") from None
    return ",".join(proxies)


StateKeys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_names), AfterValidator(_fernet_keys)]


class Settings(BaseSettings):
    """Read from the environment, prefix CAROUSEL_; frozen."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", arbitrary_types_allowed=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        (),
        description="Names by which clients may call the service (their Host header), separated by commas; "
        "*.example.org allows all below, * all. If empty: all with API keys or where CAROUSEL_HOST is all addresses, "
        "else localhost and CAROUSEL_HOST. Loopback addresses are always allowed.",
    )
    root_path: Annotated[str, AfterValidator(_root_path)] = Field(
        "/", description="Prefix of the address that a proxy removes, such as /lstm: for the API document."
    )
    http_processes: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes that speak HTTP. With more than 1, the engine has a process of its own.",
    )
    trusted_proxies: Annotated[str, AfterValidator(_proxies)] = Field(
        "127.0.0.1",
        description="Addresses or networks of proxies, separated by commas, whose X-Forwarded-For and "
        "X-Forwarded-Proto count; * trusts all.",
    )
    checkpoints: Path = Field(Path("checkpoints"), description="Folder of checkpoint directories.")
    models: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        (), description="Names of the models to load, separated by commas; all if empty."
    )
    defaults: Annotated[tuple[tuple[str, str], ...], NoDecode, BeforeValidator(_defaults)] = Field(
        (),
        description="Which model answers where a request names none, such as classify:tr=sentiment-tr,generate=mine, "
        "separated by commas.",
    )
    bad_checkpoints: Literal["refuse", "skip"] = Field(
        "refuse", description="Where a checkpoint is damaged: refuse to start, or skip it and serve the others."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Device for models; auto: a GPU if there is one."
    )
    precision: Literal["auto", "int8", "bfloat16", "float16", "float32"] = Field(
        "auto", description="Numeric precision of models; auto: int8 on a CPU, float16 on a GPU."
    )
    threads: int = Field(0, ge=0, le=1024, description="CPU threads for one computation; 0: one for each core.")
    max_prompt_characters: int = Field(
        20_000, ge=1, description="Maximum length of a prompt or text for language models."
    )
    max_text_characters: int = Field(20_000, ge=1, description="Maximum length of a text for /classify and /summarize.")
    max_source_characters: int = Field(5_000, ge=1, description="Maximum length of a text for /translate.")
    max_inspect_characters: int = Field(1_000, ge=1, description="Maximum length of a text for /inspect.")
    max_image_pixels: int = Field(16_777_216, ge=1, description="Maximum number of pixels of a picture for /describe.")
    max_texts: int = Field(64, ge=1, description="Maximum number of texts in a request.")
    max_new_tokens: int = Field(1_024, ge=1, description="Maximum number of tokens to generate for a request.")
    max_choices: int = Field(8, ge=1, description="Maximum number of choices (n) of a generation.")
    max_images: int = Field(16, ge=1, description="Maximum number of images (n) of a drawing.")
    max_beam_size: int = Field(16, ge=1, description="Maximum beam size.")
    max_request_tokens: int = Field(
        65_536, ge=1, description="Maximum number of prompts × choices × new tokens in a request."
    )
    max_reply_scores: int = Field(
        131_072, ge=1, description="Maximum number of tokens × scores (logprobs, contributions, gates) in a reply."
    )
    max_search_characters: int = Field(
        1_600_000,
        ge=1,
        description="Maximum number of characters × beam size in a request to translate or summarize.",
    )
    max_body_bytes: int = Field(2_097_152, ge=1024, description="Maximum size of a request body.")
    max_audio_s: float = Field(60.0, gt=0, le=3600, description="Maximum length of a recording.")
    max_spoken_characters: int = Field(500, ge=1, description="Maximum length of a text to be spoken.")
    max_sample_rate: int = Field(
        192_000, ge=8_000, description="Maximum sample rate of a recording, in samples a second."
    )
    max_audio_channels: int = Field(8, ge=1, le=1024, description="Maximum number of channels of a recording.")
    max_body_values: int = Field(
        100_000, ge=1_000, description="Maximum number of values (token ids, mostly) in a request body."
    )
    max_header_bytes: int = Field(16_384, ge=256, description="Maximum size of a request's headers, its URL included.")
    max_connections: int = Field(1_000, ge=1, description="Maximum number of open connections.")
    max_batch_rows: int = Field(256, ge=1, description="Maximum rows (texts, choices, beams) in a model's batch.")
    max_queued_jobs: int = Field(1_024, ge=1, description="Maximum queue length; further requests get 429.")
    batching: Literal["step", "request"] = Field(
        "step", description="When requests join the batch: at each step, or (for comparison) only when it is empty."
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_names)] = Field(
        (),
        description="API keys, separated by commas; clients send one as Authorization: Bearer KEY. Without keys here "
        "or in a file, no key is needed.",
    )
    api_keys_file: Path | None = Field(None, description="A file of API keys, made by `carousel keys`.")
    public_without_keys: bool = Field(False, description="Allow a public address although no API key is needed.")
    rate_limit: Annotated[RateLimitItem | None, BeforeValidator(_rate)] = Field(
        None, description="Rate limit of a client in tokens, such as 60000/minute; none if empty."
    )
    max_requests_at_once: int = Field(
        0, ge=0, description="Maximum number of concurrent requests of a client; 0: no limit."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        (), description="Allowed CORS origins, such as https://example.org, separated by commas; * allows all."
    )
    state_key: StateKeys = Field(
        (),
        description="Keys that encrypt returned states, separated by commas: the first encrypts, all decrypt; "
        "`carousel state-key` makes one. If empty, each start makes a new one.",
    )
    state_lifetime_s: float = Field(86_400.0, gt=0, description="How long a returned state can be used.")
    lessons: bool = Field(
        False,
        description="Let clients train small models on their own text, half a minute each (/train). Off all the same "
        "where others can reach the service without an API key.",
    )
    traces: bool = Field(
        False, description="Send OpenTelemetry traces (extra `traces`), as configured by the OTEL_… variables."
    )
    request_timeout_s: float = Field(60.0, gt=0, description="Deadline of a request, time in the queue included.")
    header_timeout_s: float = Field(10.0, gt=0, description="Maximum time to receive a request's headers.")
    body_timeout_s: float = Field(20.0, gt=0, description="Maximum time to receive a request's body.")
    keep_alive_timeout_s: int = Field(5, ge=1, description="Maximum idle time of a connection between requests.")
    write_timeout_s: float = Field(20.0, gt=0, description="Maximum time for which a client may not read its response.")
    drain_delay_s: float = Field(
        0.0,
        ge=0,
        description="Time at shutdown for which only /readyz fails, so that balancers send requests elsewhere.",
    )
    shutdown_timeout_s: float = Field(20.0, gt=0, description="Time for running requests to end at shutdown.")

    @model_validator(mode="before")
    @classmethod
    def _words_for_nothing(cls, values: Any) -> Any:
        """What the README shows as the default of a setting without a value, `none` or `all`, is that default.

        So is a blank, as `docker compose` passes on a variable that is not set; words count in any case.
        """
        return {name: _plain(name, value) for name, value in values.items() if not _is_nothing(name, value)}

    @property
    def max_input_characters(self) -> int:
        """Maximum length of a text for any model."""
        return max(self.max_prompt_characters, self.max_text_characters, self.max_source_characters)

    @property
    def max_body_strings(self) -> int:
        """Maximum number of strings in a body, names of fields included: far more than any request needs."""
        return 4_096 + 2 * self.max_texts

    @property
    def listens_everywhere(self) -> bool:
        """Whether the service listens on all addresses of the machine."""
        try:
            return ip_address(self.host).is_unspecified
        except ValueError:
            return not self.host

    @property
    def is_public(self) -> bool:
        """Whether the address can be reached from other machines; assumed of any name but localhost."""
        try:
            return not ip_address(self.host).is_loopback
        except ValueError:
            return self.host != "localhost"


def _is_nothing(name: str, value: object) -> bool:
    """Whether a value says none, or all models, of a setting that has none by default."""
    if name not in Settings.model_fields or not isinstance(value, str):
        return False
    if not value.strip():
        return name not in BLANKS
    has_none = Settings.model_fields[name].default in ((), None)
    return has_none and value.strip().lower() == ("all" if name == "models" else "none")


def _plain(name: str, value: object) -> object:
    """A value without the spaces around it; of a choice between words, in lower case."""
    if name not in Settings.model_fields or not isinstance(value, str):
        return value
    is_choice = get_origin(Settings.model_fields[name].annotation) is Literal
    return value.strip().lower() if is_choice else value.strip()


def unknown_variables(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables with our prefix that are no setting, each with the nearest that is one, or an empty string.

    Names count in any case, as they do where settings are read.
    """
    known = [name.upper() for name in Settings.model_fields]
    names = [name for name in sorted(os.environ if environment is None else environment) if name.upper() not in OTHERS]
    rest = {name: name.upper().removeprefix(PREFIX) for name in names if name.upper().startswith(PREFIX)}
    nearest = {name: get_close_matches(end, known, 1) for name, end in rest.items() if end not in known}
    return {name: PREFIX + matches[0] if matches else "" for name, matches in nearest.items()}


def check_public(settings: Settings) -> None:
    """Raise SettingsError for a public address without keys that is not explicitly allowed."""
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
        name = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None
