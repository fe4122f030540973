"""POST /generate."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from app.http.schemas.base import (
    MAX_SEED,
    MAX_STATE,
    RETURN_STATE,
    STATE,
    TRUE,
    Language,
    PromptText,
    Reply,
    Request,
    example,
    never,
    text_or_state,
    unicode_text,
)

RULES = {"allOf": [text_or_state("prompt"), never(return_state=TRUE, n={"type": "integer", "minimum": 2})]}


class GenerateRequest(Request):
    model_config = example(RULES, prompt="Once upon a time", max_new_tokens=40, temperature=0.7, seed=1)

    prompt: PromptText = Field("", description="The text to continue; with a state, what follows it.")
    model: str | None = Field(
        None, max_length=200, description="A language model; by default, one for the prompt's language."
    )
    language: Language = None
    max_new_tokens: int = Field(64, ge=1, description="Maximum number of tokens to generate for each choice.")
    min_new_tokens: int = Field(
        0, ge=0, description="The text does not end by itself before this many tokens; max_new_tokens still applies."
    )
    temperature: float = Field(0.8, ge=0, le=10, description="0: always the likeliest token; higher: more surprising.")
    top_k: int | None = Field(None, ge=1, le=1_000_000, description="Sample from the k likeliest tokens.")
    top_p: float | None = Field(
        None, gt=0, le=1, description="Sample from the likeliest tokens whose probabilities sum to p."
    )
    typical_p: float = Field(
        1.0, gt=0, le=1, description="Sample from the tokens that are about as surprising as expected, and sum to this."
    )
    repetition_penalty: float = Field(
        1.0, ge=0.1, le=10, description="Above 1: tokens that are in the text already become less likely."
    )
    stop: list[Annotated[str, Field(min_length=1, max_length=200), AfterValidator(unicode_text)]] = Field(
        [], max_length=16, description="End the text before any of these strings."
    )
    seed: int | None = Field(
        None,
        ge=0,
        le=MAX_SEED,
        description="The same seed gives the same text; by default, the state's seed, or a new one.",
    )
    n: int = Field(1, ge=1, description="Number of choices to generate.")
    logprobs: int = Field(
        0,
        ge=0,
        le=20,
        description="Return the log-probability of each token, beside those of this many likeliest ones.",
    )
    stream: bool = Field(False, description="Reply with Server-Sent Events: token, token, ..., done.")
    state: str | None = Field(None, max_length=MAX_STATE, description=STATE)
    return_state: bool = Field(False, description=f"{RETURN_STATE} For one choice only.")

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.return_state and self.n > 1:
            raise ValueError("return_state goes with n = 1 only")
        return self


class TokenLogprob(Reply):
    id: int = Field(description="Of the token, in the model's vocabulary.")
    text: str = Field(description="The token's text, with the space before it.")
    logprob: float = Field(description="Natural logarithm of its probability, given the text before it.")


class GeneratedToken(TokenLogprob):
    top: list[TokenLogprob] = Field(description="The likeliest tokens at this place, the likeliest first.")


class StreamedToken(Reply):
    """The data of a `token` event. The texts of a choice's events, joined, are its text."""

    index: int = Field(description="Of the choice.")
    text: str = Field(description="What the text grows by.")
    token: GeneratedToken | None = Field(None, description="With logprobs.")


class GenerateChoice(Reply):
    index: int = Field(description="From 0.")
    text: str | None = Field(None, description="What follows the prompt, with its leading space; left out in a stream.")
    finish_reason: Literal["length", "stop", "end", "interrupted"] = Field(
        description="interrupted: the service shut down; continue elsewhere from `state`."
    )
    tokens: list[GeneratedToken] | None = Field(None, description="With logprobs: the generated tokens.")


class Usage(Reply):
    prompt_tokens: int = Field(description="Number of tokens that were read.")
    generated_tokens: int = Field(description="Number of tokens of all choices.")


class GenerateReply(Reply):
    model: str = Field(description="The language model that answered.")
    choices: list[GenerateChoice] = Field(description="The generated texts, by index.")
    usage: Usage = Field(description="The size of the request and of the reply, in tokens.")
    seed: int = Field(description="With it, the same request gives the same text again.")
    state: str | None = Field(None, description="With return_state.")
