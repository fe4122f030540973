"""POST /vectorize."""

from typing import Literal

from pydantic import Field

from app.http.schemas.base import Reply, Request, TextOrTexts, example, never


class VectorizeRequest(Request):
    model_config = example(
        never(model={"type": "string"}, lowercase={"type": "string"}),
        text=["I'm good and you're bad", "I'm bad and you're good"],
    )

    text: TextOrTexts = Field(description="A text, or a list of texts.")
    model: str | None = Field(
        None,
        max_length=200,
        description="The model whose tokens and vocabulary to use; by default, the texts' words, split at white space.",
    )
    lowercase: Literal["en", "tr"] | None = Field(
        None, description="Without a model: lower-case the texts by the rules of this language."
    )


class WordCount(Reply):
    index: int = Field(description="Of the word, in the vocabulary.")
    word: str = Field(description="The word.")
    count: int = Field(description="How often the text has it.")


class TextVectors(Reply):
    words: list[str] = Field(description="In the text's order.")
    indices: list[int] = Field(description="Of the words, in the vocabulary.")
    one_hot: list[list[int]] | None = Field(
        None, description="Without a model: a vector for each word, 1 at its index."
    )
    bag: list[int] | None = Field(None, description="Without a model: their sum, the count of each word.")
    counts: list[WordCount] = Field(description="The entries of the bag that are not zero, by index.")


class VectorizeReply(Reply):
    model: str | None = Field(None, description="The model whose tokens they are; left out without one.")
    size: int = Field(description="Of the vocabulary, and of each vector.")
    vocabulary: list[str] | None = Field(None, description="Without a model: the texts' words, by index.")
    texts: list[TextVectors] = Field(description="One for each text, in order.")
