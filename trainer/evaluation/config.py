"""How a model is measured."""

from dataclasses import dataclass
from typing import Annotated

from models.config import Choice, Config, Range
from models.decoding.beam_search import DEFAULT_BEAM_SIZE
from models.errors import ConfigError

BLEU_TOKENIZERS = ("13a", "none", "intl", "char")


@dataclass(frozen=True)
class EvaluationConfig(Config):
    """Raises ConfigError for a value outside its range."""

    resamples: Annotated[int, Range(0, 1_000_000)] = 1000
    """Of the bootstrap behind each 95% confidence interval; 0: no intervals."""
    beam_size: Annotated[int, Range(1, 100)] = DEFAULT_BEAM_SIZE
    """Of beam search, for translators."""
    length_penalty: Annotated[float, Range(0.0, 10.0)] = 1.0
    """Of beam search, for translators."""
    bleu_tokenize: Annotated[str, Choice(BLEU_TOKENIZERS)] = "13a"
    """sacreBLEU's tokenizer; `none` for text that is tokenized already."""
    context_tokens: Annotated[int, Range(0, 10_000)] = 0
    """Above 0, for language models also the perplexity per token where each is predicted from so many tokens
    before it alone."""
    cache_window: Annotated[int, Range(0, 100_000)] = 0
    """Above 0, for language models also the perplexity with a continuous cache over so many positions
    (arXiv:1612.04426)."""
    cache_weight: Annotated[float, Range(0.0, 0.999)] = 0.1279
    """Weight of the cache in the mixture, as in AWD-LSTM's code for Penn Treebank."""
    cache_flatness: Annotated[float, Range(0.0, 100.0)] = 0.662
    """Of the cache's softmax, likewise."""
    dynamic_rate: Annotated[float, Range(0.0, 100.0)] = 0.0
    """Above 0, for language models also the perplexity under dynamic evaluation at this learning rate
    (arXiv:1709.07432)."""
    dynamic_decay: Annotated[float, Range(0.0, 1.0)] = 0.002
    """Of dynamic evaluation: how far weights return to the trained ones at each step."""
    keyboard_texts: Annotated[int, Range(0, 10_000_000)] = 0
    """Above 0, for language models also the keystrokes that their lists of words save while so many texts of the data
    are typed."""

    recognizer: str = ""
    """The checkpoint directory of a recognizer, which measures a speaker by what it understands."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.resamples == 1:
            raise ConfigError("EvaluationConfig.resamples is 1; it must be 0, or 2 or more")
