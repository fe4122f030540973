"""What the vocabulary and the counted models are made with."""

from dataclasses import dataclass

from models.config import require_range
from models.counted.bag_of_words import LONGEST
from models.counted.ngram import METHODS
from models.errors import ConfigError
from models.text.tokenizers import SubwordTokenizer, WordTokenizer

TOKENIZERS: dict[str, type[SubwordTokenizer] | type[WordTokenizer]] = {
    "subword": SubwordTokenizer,
    "word": WordTokenizer,
}


@dataclass(frozen=True)
class VocabularyConfig:
    """How the tokenizer is made."""

    vocabulary_size: int = 8000
    tokenizer: str = "subword"
    """subword (SentencePiece) or word (between white space, with <unk>)."""
    lowercase: str = ""
    """en or tr: lower letters before anything else, as that language does."""

    def __post_init__(self) -> None:
        require_range(self, "vocabulary_size", 3, 1_000_000)
        if self.tokenizer not in TOKENIZERS:
            raise ConfigError(f"setting tokenizer is {self.tokenizer!r}; it must be {' or '.join(TOKENIZERS)}")
        if self.lowercase not in ("", "en", "tr"):
            raise ConfigError(f"setting lowercase is {self.lowercase!r}; it must be en, tr or empty")


@dataclass(frozen=True)
class WordListConfig(VocabularyConfig):
    """The vocabulary of an n-gram: words, unless it is told otherwise."""

    vocabulary_size: int = 20_000
    tokenizer: str = "word"


@dataclass(frozen=True)
class CountingConfig:
    """How an n-gram is counted."""

    order: int = 5
    """How many tokens are looked at together: n."""
    method: str = METHODS[0]
    """kneser-ney, or maximum-likelihood: just what was counted."""

    def __post_init__(self) -> None:
        require_range(self, "order", 1, 10)
        if self.method not in METHODS:
            raise ConfigError(f"setting method is {self.method!r}; it must be {' or '.join(METHODS)}")


@dataclass(frozen=True)
class BaggingConfig:
    """How a bag of words is made of texts."""

    order: int = 1
    """The longest groups of tokens that are looked for; 1: single ones."""
    least_texts: int = 2
    """A group counts that is in so many texts."""
    strength: float = 1.0
    """Of the regression's fit against its regularization: scikit-learn's C."""

    def __post_init__(self) -> None:
        require_range(self, "order", 1, LONGEST)
        require_range(self, "least_texts", 1, 1_000_000)
        require_range(self, "strength", 1e-6, 1e6)
