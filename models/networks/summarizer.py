"""A summarizer: a pointer-generator of one language (See, Liu and Manning 2017, arXiv:1704.04368)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from models.config import Range
from models.networks.translator import Translator, TranslatorConfig


@dataclass(frozen=True)
class SummarizerConfig(TranslatorConfig):
    """Sizes of a Summarizer. Raises ConfigError for a value outside its range."""

    embedding: Annotated[int, Range(1, 8192)] = 128
    """Size of a token's vector."""
    encoder_layers: Annotated[int, Range(1, 16)] = 1
    """Recurrent layers of the encoder; the decoder has two."""
    copying: bool = True
    """Whether the decoder can copy tokens of the source: a pointer-generator (See et al. 2017, arXiv:1704.04368)."""
    source_tokens: Annotated[int, Range(8, 4000)] = 400
    """Tokens of a text that are read, from its beginning."""
    titles: bool = False
    """Whether summaries are titles: learned in the case that their words have within a text, shown with a capital
    first letter."""


class Summarizer(Translator):
    """The translator's network, which reads a text and writes its summary in the same language."""

    config: SummarizerConfig

    @property
    def language(self) -> str:
        return self.config.languages[0]

    def source_of(self, ids: Sequence[int], end_id: int) -> list[int]:
        """A text as the encoder reads it: the language's token, its first `source_tokens` tokens, the end token."""
        return [self.language_id(self.language), *ids[: self.config.source_tokens], end_id]
