"""POST /v1/completions and GET /v1/models, as of OpenAI's API: lax, since its clients send nulls and unknown keys."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from app.schemas.base import Reply
from app.schemas.lax import Content, LaxRequest

Ids = Annotated[list[Annotated[int, Field(ge=0, le=2**31)]], Field(max_length=100_000)]


class StreamOptions(LaxRequest):
    include_usage: bool = False


class CompletionRequest(LaxRequest):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "language-en", "prompt": "Once upon a time", "max_tokens": 16}]}
    )

    model: str = Field(max_length=200)
    prompt: Content | Ids | list[Content] | list[Ids] = Field(
        "", description="A text, texts, token ids, or lists of them."
    )
    max_tokens: int = Field(16, ge=0)
    temperature: float = Field(1.0, ge=0, le=2)
    top_p: float = Field(1.0, ge=0, le=1)
    n: int = Field(1, ge=1)
    best_of: int = Field(1, ge=1)
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    logprobs: int | None = Field(None, ge=0, le=20)
    echo: bool = False
    stop: (
        Annotated[Content, Field(max_length=200)]
        | Annotated[list[Annotated[Content, Field(min_length=1, max_length=200)]], Field(max_length=16)]
    ) = Field([])
    presence_penalty: float = Field(0.0, ge=-2, le=2)
    frequency_penalty: float = Field(0.0, ge=-2, le=2)
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] = Field({}, max_length=1024)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    suffix: str = Field("", max_length=0, description="Models read from left to right only.")

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.best_of > 1 and self.stream:
            raise ValueError("best_of can't be streamed")
        if 1 < self.best_of < self.n:
            raise ValueError("best_of must not be less than n")
        if self.stream and self.echo and self.logprobs is not None:
            raise ValueError("echo with logprobs can't be streamed")
        if any(not token.isascii() or not token.isdigit() for token in self.logit_bias):
            raise ValueError("the keys of logit_bias are token ids")
        return self

    @property
    def prompts(self) -> list[str | list[int]]:
        """One or several, each a text or ids."""
        given: Any = self.prompt
        if isinstance(given, str) or (given and isinstance(given[0], int)):
            return [given]
        return list(given) or [""]

    @property
    def stops(self) -> tuple[str, ...]:
        return tuple([self.stop] if isinstance(self.stop, str) else self.stop) if self.stop else ()


class Logprobs(Reply):
    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None] | None
    text_offset: list[int]


class CompletionChoice(Reply):
    text: str
    index: int
    logprobs: Logprobs | None = None
    finish_reason: Literal["stop", "length"] | None = None


class CompletionUsage(Reply):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(Reply):
    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    system_fingerprint: str
    choices: list[CompletionChoice]
    usage: CompletionUsage | None = None


class Model(Reply):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "carousel"


class ModelList(Reply):
    object: Literal["list"] = "list"
    data: list[Model]


class ErrorDetail(Reply):
    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(Reply):
    error: ErrorDetail
