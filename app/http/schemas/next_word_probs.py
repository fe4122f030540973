"""POST /next-word-probs."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from app.http.schemas.base import (
    ARRAY,
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
from models.decoding.word_pieces import is_single_word


def _single(word: str) -> str:
    if not is_single_word(word):
        raise ValueError("it must be one word, or punctuation, without white space")
    return word


WORD = r"^(?:[\p{Letter}\p{Number}'’-]+|[^\p{Letter}\p{Number}\s'’-]+)$"
Candidate = Annotated[
    str,
    Field(max_length=60, json_schema_extra={"pattern": WORD, "minLength": 1}),
    AfterValidator(unicode_text),
    AfterValidator(_single),
]


RULES = {
    "allOf": [
        text_or_state("text"),
        never(unit={"type": "string", "const": "token"}, partial=TRUE),
        never(unit={"type": "string", "const": "token"}, candidates=ARRAY),
        never(slips=TRUE, candidates=ARRAY),
        {"anyOf": [never(whole_word=TRUE), {"properties": {"slips": TRUE}, "required": ["slips"]}]},
        {"anyOf": [never(slips=TRUE), {"properties": {"partial": TRUE}, "required": ["partial"]}]},
    ]
}


class NextWordRequest(Request):
    model_config = example(RULES, text="she was very", top=5)

    text: PromptText = Field("", description="The text so far; with a state, what follows it.")
    model: str | None = Field(
        None, max_length=200, description="A language model; by default, one for the text's language."
    )
    language: Language = None
    top: int = Field(10, ge=1, le=100, description="Number of words or tokens to list.")
    unit: Literal["word", "token"] = Field("word", description="Whole words, or the model's tokens.")
    partial: bool = Field(False, description="Whether the text's last letters are the start of the word to predict.")
    slips: bool = Field(
        False,
        description="With partial: whether these letters may have been typed with slips: a neighbouring key, a letter "
        "missing, twice or too many, two swapped, without marks or capitals.",
    )
    whole_word: bool = Field(
        False,
        description="With slips: whether these letters are a whole word, which ends where they do, as when its space "
        "has been typed; else longer words that begin with them are listed, too.",
    )
    layout: Literal["qwerty", "turkish-q", "turkish-f"] | None = Field(
        None, description="With slips: the keyboard; by default, that of the model's language."
    )
    candidates: list[Candidate] | None = Field(
        None, min_length=1, max_length=50, description="Return the probabilities of these words instead."
    )
    temperature: float = Field(
        1.0, ge=0.05, le=10, description="As in /generate: below 1, likely words become likelier."
    )
    state: str | None = Field(None, max_length=MAX_STATE, description=STATE)
    return_state: bool = Field(False, description=RETURN_STATE)

    @model_validator(mode="after")
    def _words_only(self) -> Self:
        if self.unit == "token" and (self.partial or self.candidates):
            raise ValueError("partial and candidates go with unit 'word' only")
        if self.slips and (self.candidates or not self.partial):
            raise ValueError("slips go with partial, and without candidates")
        if self.whole_word and not self.slips:
            raise ValueError("whole_word goes with slips")
        return self


class NextWord(Reply):
    word: str = Field(description="The word, or with unit token the token's text.")
    probability: float = Field(description="That it comes next, from 0 to 1.")
    logprob: float | None = Field(description="Natural logarithm of the probability; null where that is 0.")
    meant: str | None = Field(
        None,
        description="With slips: the beginning of the word, or with whole_word all of it, that the letters stand for; "
        "null where it was typed.",
    )
    slip_logprob: float | None = Field(
        None, description="With slips: how likely these letters are typed for that word, as a logarithm; 0 as they are."
    )


class NextWordReply(Reply):
    model: str = Field(description="The language model that answered.")
    unit: Literal["word", "token"] = Field(description="What is listed: whole words, or tokens.")
    next: list[NextWord] = Field(description="The likeliest first; of `candidates`, in their order.")
    other: float = Field(description="The probability of everything that is not listed.")
    end: float | None = Field(
        None,
        description="The part of `other` that the text ends here; null with unit token and inside a word.",
    )
    state: str | None = Field(None, description="With return_state.")
