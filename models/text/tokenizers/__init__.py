"""Text to ids and back.

Three tokenizers behind one interface: `SubwordTokenizer` is lossless and has no unknown words;
`WordTokenizer` and `WordPunctTokenizer` have a closed vocabulary and `<unk>`.
"""

from models.errors import TokenizerError
from models.text.tokenizers.base import END_TEXT, Token, Tokenizer, checked, lower
from models.text.tokenizers.subword import SubwordTokenizer
from models.text.tokenizers.word import WordPunctTokenizer, WordTokenizer

__all__ = [
    "END_TEXT",
    "SubwordTokenizer",
    "Token",
    "Tokenizer",
    "WordPunctTokenizer",
    "WordTokenizer",
    "checked",
    "load_tokenizer",
    "lower",
]


def load_tokenizer(kind: str, content: bytes, lowercase: str, emoji: str = "") -> Tokenizer:
    """Read what `to_bytes` wrote. Raises TokenizerError for damage or an unknown kind."""
    if kind == SubwordTokenizer.kind:
        return SubwordTokenizer(content, lowercase, emoji)
    for words in (WordTokenizer, WordPunctTokenizer):
        if kind == words.kind:
            return words.from_bytes(content, lowercase, emoji)
    raise TokenizerError(f"unknown tokenizer kind {kind!r}; known: subword, word, wordpunct")
