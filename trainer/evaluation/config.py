"""How a model is measured."""

from dataclasses import dataclass

from models.config import require_range
from models.decoding.beam_search import DEFAULT_BEAM_SIZE
from models.errors import ConfigError

BLEU_TOKENIZERS = ("13a", "none", "intl", "char")


@dataclass(frozen=True)
class EvaluationConfig:
    """Raises ConfigError for a value outside its range."""

    resamples: int = 1000
    """Of the bootstrap that gives a score its interval; 0: no interval."""
    beam_size: int = DEFAULT_BEAM_SIZE
    length_penalty: float = 1.0
    bleu_tokenize: str = "13a"
    """sacreBLEU's tokenizer; none for text that is tokenized already."""
    context_tokens: int = 0
    """Of a language model also the perplexity per token where each is expected from so many before it; 0: not."""
    cache_window: int = 0
    """Positions that the continuous cache of a language model looks back; 0: no cache."""
    cache_weight: float = 0.1279
    """This and the next as in the AWD-LSTM's code for Penn Treebank (Merity et al. 2017)."""
    cache_flatness: float = 0.662
    dynamic_rate: float = 0.0
    """Learning rate of dynamic evaluation; 0: none."""
    dynamic_decay: float = 0.002

    def __post_init__(self) -> None:
        require_range(self, "resamples", 0, 1_000_000)
        if self.resamples == 1:
            raise ConfigError("EvaluationConfig.resamples is 1; it must be 0, or 2 or more")
        require_range(self, "beam_size", 1, 100)
        require_range(self, "length_penalty", 0.0, 10.0)
        require_range(self, "context_tokens", 0, 10_000)
        require_range(self, "cache_window", 0, 100_000)
        require_range(self, "cache_weight", 0.0, 0.999)
        require_range(self, "cache_flatness", 0.0, 100.0)
        require_range(self, "dynamic_rate", 0.0, 100.0)
        require_range(self, "dynamic_decay", 0.0, 1.0)
        if self.bleu_tokenize not in BLEU_TOKENIZERS:
            known = ", ".join(BLEU_TOKENIZERS)
            raise ConfigError(f"EvaluationConfig.bleu_tokenize is {self.bleu_tokenize!r}; it must be {known}")
