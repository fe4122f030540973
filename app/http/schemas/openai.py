"""POST /v1/completions and GET /v1/models, as in OpenAI's API."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from app.http.schemas.base import MAX_SEED, TRUE, Reply, never, unicode_text
from app.http.schemas.lax import Content, LaxRequest

TEXT, TEXTS, IDS, IDS_LISTS = "(text)", "(texts)", "(ids)", "(id lists)"
TokenIds = list[Annotated[int, Field(ge=0, le=2**31)]]
TokenId = Annotated[str, Field(pattern=r"^[0-9]{1,10}$")]


def _branch_of(prompt: Any) -> str:
    if not isinstance(prompt, list):
        return TEXT
    first = prompt[0] if prompt else ""
    return IDS_LISTS if isinstance(first, list) else TEXTS if isinstance(first, str) else IDS


def prompt_or_prompts(max_length: int, max_prompts: int) -> Any:
    """The type of a field that holds a prompt, as text or token ids, or a list of prompts; max_length is of each."""
    text = Annotated[str, Field(max_length=max_length), AfterValidator(unicode_text)]
    ids = Annotated[TokenIds, Field(max_length=max_length, fail_fast=True)]  # not an error for each of 20,000 ids
    return Annotated[
        Annotated[text, Tag(TEXT)]
        | Annotated[list[text], Field(max_length=max_prompts), Tag(TEXTS)]
        | Annotated[ids, Tag(IDS)]
        | Annotated[list[ids], Field(max_length=max_prompts), Tag(IDS_LISTS)],
        Discriminator(_branch_of),
    ]


Stop = Annotated[
    Annotated[Content, Field(max_length=200), Tag(TEXT)]
    | Annotated[list[Annotated[Content, Field(min_length=1, max_length=200)]], Field(max_length=16), Tag(TEXTS)],
    Discriminator(lambda stop: TEXTS if isinstance(stop, list) else TEXT),
]
RULES: Any = [
    never(stream=TRUE, best_of={"type": "integer", "minimum": 2}),
    never(stream=TRUE, echo=TRUE, logprobs={"type": "integer"}),
]


class StreamOptions(LaxRequest):
    include_usage: bool = False


class CompletionRequest(LaxRequest):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"model": "language-en", "prompt": "Once upon a time", "max_tokens": 16}],
            "allOf": RULES,
        }
    )

    model: str = Field(max_length=200)
    prompt: str | list[str] | TokenIds | list[TokenIds] = Field(
        "", description="A text, texts, token ids, or lists of them."
    )
    max_tokens: int = Field(16, ge=-1, description="-1: as many as the service allows.")
    temperature: float = Field(1.0, ge=0, le=2)
    top_p: float = Field(1.0, ge=0, le=1)
    n: int = Field(1, ge=1)
    best_of: int = Field(1, ge=1, description="Generate this many choices, at least n, and return the likeliest.")
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    logprobs: int | None = Field(None, ge=0, le=20)
    echo: bool = False
    stop: Stop = Field([])
    presence_penalty: float = Field(0.0, ge=-2, le=2)
    frequency_penalty: float = Field(0.0, ge=-2, le=2)
    logit_bias: dict[TokenId, Annotated[float, Field(ge=-100, le=100)]] = Field(
        {},
        max_length=1024,
        json_schema_extra={"additionalProperties": False},  # pydantic documents the pattern of keys as optional
    )
    seed: int | None = Field(None, ge=-(2**63), le=2**63 - 1)
    suffix: str = Field("", max_length=0, description="Models read from left to right only.")

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.best_of > 1 and self.stream:
            raise ValueError("best_of can't be streamed")
        if self.stream and self.echo and self.logprobs is not None:
            raise ValueError("echo with logprobs can't be streamed")
        return self

    @property
    def prompts(self) -> list[str | list[int]]:
        """All prompts, each a text or token ids."""
        prompt: Any = self.prompt
        if isinstance(prompt, str) or (prompt and isinstance(prompt[0], int)):
            return [prompt]
        return list(prompt) or [""]

    @property
    def stops(self) -> tuple[str, ...]:
        return tuple([self.stop] if isinstance(self.stop, str) else self.stop) if self.stop else ()


class ModelCompletionRequest(CompletionRequest):
    """Of a route whose address names the model."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"prompt": "Once upon a time", "max_tokens": 16}]})

    model: str = Field("", max_length=200, description="Ignored: the address names the model.")


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


class ImageRequest(LaxRequest):
    model_config = ConfigDict(json_schema_extra={"examples": [{"prompt": "seven", "n": 2, "size": "280x280"}]})

    prompt: Content = Field(description="Names what to draw in any sentence: seven, yedi, 7.")
    model: str | None = Field(None, max_length=200, description="A model that draws; by default, the default one.")
    n: int = Field(1, ge=1, description="Number of images.")
    size: str = Field(
        "auto",
        max_length=20,
        pattern=r"^(auto|[0-9]+x[0-9]+)$",
        description="The model's, such as 28x28, or a whole multiple of it, such as 280x280; auto is the model's.",
    )
    response_format: Literal["b64_json"] = "b64_json"
    output_format: Literal["png"] = "png"
    seed: int | None = Field(None, ge=0, le=MAX_SEED, description="The same seed gives the same images.")
    stream: Literal[False] = False


class Image(Reply):
    b64_json: str = Field(description="A PNG.")


class ImageTokens(Reply):
    text_tokens: int
    image_tokens: int = 0


class ImageUsage(Reply):
    input_tokens: int
    input_tokens_details: ImageTokens
    output_tokens: int
    total_tokens: int


class ImagesReply(Reply):
    created: int
    data: list[Image]
    output_format: Literal["png"] = "png"
    size: str
    usage: ImageUsage


class ErrorDetail(Reply):
    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(Reply):
    error: ErrorDetail
