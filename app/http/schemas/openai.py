"""POST /v1/completions and GET /v1/models, as in OpenAI's API."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from app.http.schemas.base import MAX_SEED_64, TRUE, Reply, never, unicode_text
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
    include_usage: bool = Field(False, description="Send the usage in a last chunk.")


class CompletionRequest(LaxRequest):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"model": "language-en", "prompt": "Once upon a time", "max_tokens": 16, "seed": 1}],
            "allOf": RULES,
        }
    )

    model: str = Field(max_length=200, description="A language model, as in /v1/models.")
    prompt: str | list[str] | TokenIds | list[TokenIds] = Field(
        "", description="A text, texts, token ids, or lists of them."
    )
    max_tokens: int = Field(16, ge=-1, description="-1: as many as the service allows.")
    temperature: float = Field(1.0, ge=0, le=2, description="0: always the likeliest token; higher: more surprising.")
    top_p: float = Field(1.0, ge=0, le=1, description="Sample from the likeliest tokens whose probabilities sum to p.")
    n: int = Field(1, ge=1, description="Number of choices for each prompt.")
    best_of: int = Field(1, ge=1, description="Generate this many choices, at least n, and return the likeliest.")
    stream: bool = Field(False, description="Reply with Server-Sent Events, the last of them [DONE].")
    stream_options: StreamOptions = Field(StreamOptions(), description="What a stream has beside the text.")
    logprobs: int | None = Field(
        None,
        ge=0,
        le=20,
        description="Return the log-probability of each token, beside those of this many likeliest ones.",
    )
    echo: bool = Field(False, description="Return the prompt before the generated text.")
    stop: Stop = Field([], description="End the text before any of these strings.")
    presence_penalty: float = Field(
        0.0, ge=-2, le=2, description="Above 0: tokens that are in the text already become less likely."
    )
    frequency_penalty: float = Field(
        0.0, ge=-2, le=2, description="Above 0: the more often a token is in the text, the less likely it becomes."
    )
    logit_bias: dict[TokenId, Annotated[float, Field(ge=-100, le=100)]] = Field(
        {},
        max_length=1024,
        json_schema_extra={"additionalProperties": False},  # pydantic documents the pattern of keys as optional
        description="What is added to the logits of tokens, by their ids as texts.",
    )
    seed: int | None = Field(
        None,
        ge=-MAX_SEED_64 - 1,
        le=MAX_SEED_64,
        description="The same seed gives the same text; by default, a new one.",
    )
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

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prompt": "Once upon a time", "max_tokens": 16, "seed": 1}]}
    )

    model: str = Field("", max_length=200, description="Ignored: the address names the model.")


class Logprobs(Reply):
    tokens: list[str] = Field(description="The text of each token.")
    token_logprobs: list[float | None] = Field(
        description="Natural logarithm of each token's probability; null of the first of a prompt."
    )
    top_logprobs: list[dict[str, float] | None] | None = Field(description="At each token, the likeliest ones.")
    text_offset: list[int] = Field(description="Where each token begins in the text.")


class CompletionChoice(Reply):
    text: str = Field(description="What follows the prompt; with echo, the prompt too.")
    index: int = Field(description="From 0, over all prompts.")
    logprobs: Logprobs | None = Field(None, description="With logprobs.")
    finish_reason: Literal["stop", "length"] | None = Field(
        None, description="stop: the end or a string of `stop`; length: max_tokens; null before that."
    )


class CompletionUsage(Reply):
    prompt_tokens: int = Field(description="Number of tokens of the prompts.")
    completion_tokens: int = Field(description="Number of generated tokens.")
    total_tokens: int = Field(description="The sum of both.")


class Completion(Reply):
    id: str = Field(description="Of the reply.")
    object: Literal["text_completion"] = Field("text_completion", description="As OpenAI names it.")
    created: int = Field(description="When, in seconds since 1970.")
    model: str = Field(description="The model that answered.")
    system_fingerprint: str = Field(description="Changes with the model's version.")
    choices: list[CompletionChoice] = Field(description="The generated texts, by index.")
    usage: CompletionUsage | None = Field(None, description="The size of the request and of the reply, in tokens.")


class Model(Reply):
    id: str = Field(description="The model's name.")
    object: Literal["model"] = Field("model", description="As OpenAI names it.")
    created: int = Field(description="Always 0: a model has no such time.")
    owned_by: str = Field("carousel", description="Always the same.")


class ModelList(Reply):
    object: Literal["list"] = Field("list", description="As OpenAI names it.")
    data: list[Model] = Field(description="The models.")


class ImageRequest(LaxRequest):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prompt": "seven", "n": 2, "size": "280x280", "seed": 1}]}
    )

    prompt: Content = Field(description="Names what to draw in any sentence: seven, yedi, 7.")
    model: str | None = Field(None, max_length=200, description="A model that draws; by default, the default one.")
    n: int = Field(1, ge=1, description="Number of images.")
    size: str = Field(
        "auto",
        max_length=20,
        pattern=r"^(auto|[0-9]+x[0-9]+)$",
        description="The model's, such as 28x28, or a whole multiple of it, such as 280x280; auto is the model's.",
    )
    response_format: Literal["b64_json"] = Field("b64_json", description="Images are in the reply itself.")
    output_format: Literal["png"] = Field("png", description="Images are PNGs.")
    seed: int | None = Field(None, ge=0, le=MAX_SEED_64, description="The same seed gives the same images.")
    stream: Literal[False] = Field(False, description="Not supported: see /draw.")


class Image(Reply):
    b64_json: str = Field(description="A PNG.")


class ImageTokens(Reply):
    text_tokens: int = Field(description="Number of words of the prompt.")
    image_tokens: int = Field(0, description="Always 0: no image is sent.")


class ImageUsage(Reply):
    input_tokens: int = Field(description="The size of the request.")
    input_tokens_details: ImageTokens = Field(description="What it is made of.")
    output_tokens: int = Field(description="Number of pixels that were drawn.")
    total_tokens: int = Field(description="The sum of both.")


class ImagesReply(Reply):
    created: int = Field(description="When, in seconds since 1970.")
    data: list[Image] = Field(description="The images.")
    output_format: Literal["png"] = Field("png", description="Images are PNGs.")
    size: str = Field(description="Width and height in pixels, such as 28x28.")
    usage: ImageUsage = Field(description="The size of the request and of the reply.")


class ErrorDetail(Reply):
    message: str = Field(description="What is wrong, with the field and its limit.")
    type: str = Field(description="Such as invalid_request_error.")
    param: str | None = Field(description="The field that is wrong, where it is one.")
    code: str | None = Field(description="For errors that clients tell apart, such as model_not_found.")


class OpenAIError(Reply):
    error: ErrorDetail = Field(description="The one error.")
