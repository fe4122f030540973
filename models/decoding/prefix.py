"""What an output must begin with, whatever pieces spell it.

A text can be spelled in many pieces, and those of its beginning are not the beginning of its pieces. So not ids are
required but bytes: a piece may follow where what is written then begins with the prefix, or the prefix with it. The
last piece may go on beyond the prefix, and greedy search with the beginning of its own output finds the same output
again.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from models.decoding.word_pieces import Pieces
from models.text.tokenizers import Tokenizer


class Prefix:
    """The beginning of an output, in one of several spellings (bytes); if whole, the output ends with it.

    An output may also end where it is one of `ends`: a text that is put right later has its last mark from its source.
    """

    def __init__(
        self, tokenizer: Tokenizer, spellings: Sequence[bytes], whole: bool = False, ends: Collection[bytes] = ()
    ) -> None:
        """The tokenizer must have a piece for every byte, so that something may always follow."""
        self.spellings, self.whole, self.ends = tuple(dict.fromkeys(spellings)), whole, frozenset(ends)
        self._tokenizer = tokenizer
        self._pieces = _pieces(tokenizer)  # type: ignore[arg-type] # a tokenizer is hashed by its identity

    def allowed(self, ids: Sequence[int]) -> Tensor | None:
        """The ids (n,) that may follow an output's first ids; None where they have the prefix, and anything may."""
        written = b"".join(map(self._tokenizer.surface, ids))
        if self.whole and written in self.spellings:
            return torch.tensor([self._tokenizer.end_id])
        if not self.whole and written.startswith(self.spellings):
            return None
        allowed = {self._tokenizer.end_id} if written in self.ends else set()
        for spelling in self.spellings:
            if spelling.startswith(written):
                rest = spelling[len(written) :]
                pieces = (self._pieces[index] for index in self._pieces.matching(rest))
                allowed.update(token for surface, token in pieces if not self.whole or len(surface) <= len(rest))
        return torch.tensor(sorted(allowed))


@lru_cache(8)
def _pieces(tokenizer: Tokenizer) -> Pieces:
    """All pieces that write something."""
    surfaces = ((tokenizer.surface(token), token) for token in range(tokenizer.size))
    return Pieces((surface, token) for surface, token in surfaces if surface)
