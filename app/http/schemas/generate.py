"""POST /generate."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from app.http.schemas.base import (
    MAX_SEED,
    MAX_STATE,
    RETURN_STATE,
    STATE,
    Continuation,
    Reply,
    Request,
    example,
    never,
    text_or_state,
    unicode_text,
)

RULES = {"allOf": [text_or_state("prompt"), never(return_state={"const": True}, n={"minimum": 2})]}


class GenerateRequest(Request):
    model_config = example(RULES, prompt="Once upon a time", max_new_tokens=40, temperature=0.7)

    prompt: Continuation = Field("", description="The text to go on with; what follows the state, where there is one.")
    model: str | None = Field(
        None, max_length=200, description="A language model; left out: one for the prompt's language."
    )
    max_new_tokens: int = Field(64, ge=1, description="Most tokens to generate, for each choice.")
    min_new_tokens: int = Field(
        0, ge=0, description="The text does not end by itself before so many tokens; max_new_tokens holds all the same."
    )
    temperature: float = Field(0.8, ge=0, le=10, description="0: always the likeliest; higher: more surprising.")
    top_k: int | None = Field(None, ge=1, le=1_000_000, description="Choose among the k likeliest tokens.")
    top_p: float | None = Field(
        None, gt=0, le=1, description="Choose among the likeliest that hold so much probability."
    )
    repetition_penalty: float = Field(1.0, ge=0.1, le=10, description="Above 1: tokens of the text become less likely.")
    stop: list[Annotated[str, Field(min_length=1, max_length=200), AfterValidator(unicode_text)]] = Field(
        [], max_length=16, description="End before any of these."
    )
    seed: int | None = Field(
        None, ge=0, le=MAX_SEED, description="The same seed gives the same text; left out: the state's, or a new one."
    )
    n: int = Field(1, ge=1, description="How many choices to generate.")
    logprobs: int = Field(0, ge=0, le=20, description="Report each token, beside so many of the likeliest.")
    stream: bool = Field(False, description="Reply with Server-Sent Events: token, token, ..., done.")
    state: str | None = Field(None, max_length=MAX_STATE, description=STATE)
    return_state: bool = Field(False, description=f"{RETURN_STATE} For one choice only.")

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.return_state and self.n > 1:
            raise ValueError("return_state goes with n = 1 only")
        return self


class TokenLogprob(Reply):
    id: int
    text: str
    logprob: float


class GeneratedToken(TokenLogprob):
    top: list[TokenLogprob]


class StreamedToken(Reply):
    """The data of a `token` event. The texts of a choice's events make up its text."""

    index: int = Field(description="Of the choice.")
    text: str
    token: GeneratedToken | None = Field(None, description="With logprobs.")


class GenerateChoice(Reply):
    index: int
    text: str | None = Field(
        None, description="What follows the prompt, a space at its beginning included; left out where it was streamed."
    )
    finish_reason: Literal["length", "stop", "end", "interrupted"] = Field(
        description="interrupted: the service went down; `state` goes on elsewhere."
    )
    tokens: list[GeneratedToken] | None = None


class Usage(Reply):
    prompt_tokens: int
    generated_tokens: int


class GenerateReply(Reply):
    model: str
    choices: list[GenerateChoice]
    usage: Usage
    seed: int
    state: str | None = Field(None, description="With return_state.")
