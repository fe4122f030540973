"""Configurations of the vocabulary and of the counted models."""

from dataclasses import dataclass
from typing import Annotated

from models.config import Choice, Config, FormerName, Range
from models.counted.bag_of_words import MAX_ORDER
from models.counted.ngram import METHODS
from models.text.emoji import LANGUAGES
from models.text.tokenizers import SubwordTokenizer, WordPunctTokenizer, WordTokenizer

TOKENIZERS: dict[str, type[SubwordTokenizer] | type[WordTokenizer]] = {
    "subword": SubwordTokenizer,
    "word": WordTokenizer,
    "wordpunct": WordPunctTokenizer,
}


@dataclass(frozen=True)
class VocabularyConfig(Config):
    """How the tokenizer is trained."""

    vocabulary_size: Annotated[int, Range(3, 1_000_000)] = 8000
    """Pieces, or words."""
    tokenizer: Annotated[str, Choice(tuple(TOKENIZERS))] = "subword"
    """`subword` (SentencePiece); `word`, between white space, or `wordpunct`, punctuation apart: `<unk>` for others."""
    lowercase: Annotated[str, Choice(("", "en", "tr"))] = ""
    """Lower-case the text first, by the rules of English or Turkish."""
    emoji: Annotated[str, Choice(("", *LANGUAGES))] = ""
    """Read emoji as their names in English or Turkish."""


@dataclass(frozen=True)
class WordListConfig(VocabularyConfig):
    """The vocabulary of an n-gram model: words by default."""

    vocabulary_size: Annotated[int, Range(3, 1_000_000)] = 20_000
    """Pieces, or words."""
    tokenizer: Annotated[str, Choice(tuple(TOKENIZERS))] = "word"
    """`subword` (SentencePiece); `word`, between white space, or `wordpunct`, punctuation apart: `<unk>` for others."""


@dataclass(frozen=True)
class CountingConfig(Config):
    """How an n-gram model is counted."""

    order: Annotated[int, Range(1, 10)] = 5
    """Length of the longest n-grams, in tokens."""
    method: Annotated[str, Choice(METHODS)] = METHODS[0]
    """Interpolated modified Kneser-Ney smoothing, or relative frequencies without smoothing."""


@dataclass(frozen=True)
class BaggingConfig(Config):
    """How a bag of words is fitted."""

    order: Annotated[int, Range(1, MAX_ORDER)] = 1
    """Length of the longest n-grams, in tokens."""
    min_df: Annotated[int, Range(1, 1_000_000), FormerName("least_texts")] = 2
    """Leave out n-grams that are in fewer texts (scikit-learn's `min_df`)."""
    regularization_c: Annotated[float, Range(1e-6, 1e6), FormerName("strength")] = 1.0
    """Inverse of the regularization's strength in the logistic regression (scikit-learn's `C`)."""
