"""POST /classify."""

from pydantic import Field

from app.http.schemas.base import Language, Reply, Request, TextOrTexts, example


class ClassifyRequest(Request):
    model_config = example(text="A wonderful film.", explain=True)

    text: TextOrTexts = Field(description="A text, or a list of texts.")
    model: str | None = Field(None, max_length=200, description="A classifier; default: one for each text's language.")
    language: Language = None
    explain: bool = Field(False, description="Return the contribution of each token to the logit of the label.")


class TokenContribution(Reply):
    token: str = Field(description="The token as it is in the text, with the space before it.")
    start: int = Field(description="The token's first character in the text.")
    end: int = Field(description="The character after its last.")
    contribution: float = Field(
        description="What the token adds to the label's logit; below 0, it speaks against the label."
    )


class ClassifyResult(Reply):
    model: str | None = Field(None, description="That of the text, where several models answer.")
    label: str = Field(description="The likeliest label.")
    score: float = Field(description="The probability of the label.")
    scores: dict[str, float] = Field(description="The probability of each label; they sum to 1.")
    explanation: list[TokenContribution] | None = Field(
        None, description="With explain: each token's contribution, in the text's order."
    )
    bias: float | None = Field(None, description="With explain: contributions and bias sum to the logit.")
    logit: float | None = Field(None, description="With explain: the label's score before softmax.")


class ClassifyReply(Reply):
    model: str = Field(description="That of the first text.")
    results: list[ClassifyResult] = Field(description="One for each text, in order.")
