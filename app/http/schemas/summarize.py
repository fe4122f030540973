"""POST /summarize."""

from pydantic import Field

from app.http.schemas.base import Language, Reply, Request, TextOrTexts, example
from models.decoding.summaries import DEFAULT_BEAM_SIZE

ABSTRACT = (
    "Attention is usually explained by pictures. We present a tool that shows the attention of a recurrent translator "
    "word by word, and a study of how 24 students use it to find errors."
)


class SummarizeRequest(Request):
    model_config = example(text=ABSTRACT, words=True)

    text: TextOrTexts = Field(description="A text, or a list of texts; a model reads the beginning of a long one.")
    model: str | None = Field(None, max_length=200, description="A summarizer; default: one for each text's language.")
    language: Language = None
    max_new_tokens: int = Field(60, ge=1, description="Maximum number of tokens of a summary.")
    beam_size: int = Field(DEFAULT_BEAM_SIZE, ge=1, description="Number of hypotheses; 1 is greedy.")
    length_penalty: float = Field(1.0, ge=0, le=5, description="Hypotheses are ranked by logprob / length ** this.")
    words: bool = Field(False, description="Return where each word of the summary was copied from.")


class Source(Reply):
    start: int = Field(description="The word's first character in the text.")
    end: int = Field(description="The character after its last.")


class SummaryWord(Reply):
    word: str = Field(description="A word of the summary.")
    start: int = Field(description="The word's first character in the summary.")
    end: int = Field(description="The character after its last.")
    copied: float = Field(description="The share of its probability that is copied rather than generated.", ge=0, le=1)
    source: Source | None = Field(description="Where in the text it was copied from; null where the text lacks it.")


class SummarizeResult(Reply):
    model: str | None = Field(None, description="That of the text, where several models answer.")
    summary: str = Field(description="The summary.")
    score: float = Field(description="Log-probability / length ** length_penalty.")
    finish_reason: str = Field(description="end, or length where max_new_tokens ended it.")
    read_characters: int = Field(description="How much of the text the model read, from its beginning.")
    words: list[SummaryWord] | None = Field(None, description="With words: where each word was copied from.")


class SummarizeReply(Reply):
    model: str = Field(description="That of the first text.")
    results: list[SummarizeResult] = Field(description="One for each text, in order.")
