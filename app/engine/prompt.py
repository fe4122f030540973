"""Prompts: the ids to read before a model continues, from the beginning of a text or after a snapshot."""

from collections.abc import Sequence

from app.catalog.registry import Served
from app.engine.snapshot import SamplingState, Snapshot, from_bitmap, take_snapshot, to_bitmap
from models.decoding.word_pieces import split_partial
from models.runtime.state import State, unpack
from models.text.tokenizers import Tokenizer

CHUNK = 32
"""Tokens of a prompt that are read at a time. Always as many, so that the state depends on nothing else."""
MAX_OPEN_WORD = 256
"""Characters after the last space that a snapshot keeps as text, until their word is complete; more become ids."""


class Prompt:
    """A text as ids.

    A text that comes in pieces has the same ids as in one: only the ids before its last space are final. A space at
    its end is not read, because the pieces of a vocabulary begin with their space: the next word brings it. Snapshots
    are taken at a chunk boundary, counted from where reading began, so that what follows is read in the same chunks.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        text: str,
        snapshot: Snapshot | None = None,
        partial: bool = False,
        ids: Sequence[int] | None = None,
        truncate: int | None = None,
    ) -> None:
        """With partial, the letters at the end of the text are not read: they are `prefix`, of the next word.

        ids replace the text; an end token that they begin with is the one before every text. truncate keeps only as
        many of the last ids.
        """
        self.sampling = snapshot.sampling if snapshot else None
        if self.sampling and text:
            # more text follows: the characters that were held back are no longer the end of it
            self.sampling = SamplingState(self.sampling.seed, self.sampling.steps)
        self._snapshot, self._vocabulary_size = snapshot, tokenizer.size
        final_ids = snapshot.ids if snapshot else (tokenizer.end_id,)
        self._sent_ends = int(not snapshot and tuple(ids or ())[:1] == final_ids)
        if ids is not None:
            final_ids += tuple(ids)[self._sent_ends :]
        whole = tokenizer.normalize(snapshot.text + text if snapshot else " " * (ids is None) + text)
        space = max(whole.rfind(" "), 0)
        if len(whole) - space > MAX_OPEN_WORD:
            space = len(whole)
        closed, self.open_word = whole[:space], whole[space:]
        self._final_ids = final_ids + tuple(tokenizer.encode_continuation(closed) if closed else ())
        last, self.prefix = split_partial(self.open_word) if partial else (self.open_word, "")
        self.ends_in_space = last.endswith(" ")
        last = last.removesuffix(" ")
        self.ids = [*self._final_ids, *(tokenizer.encode_continuation(last) if last else ())]
        if truncate is not None:
            self.ids = [self.ids[0], *self.ids[1:][-truncate:]]
        self.boundary = (len(self._final_ids) - 1) // CHUNK * CHUNK
        """The number of ids after which the state for a snapshot is taken."""

    @property
    def new_tokens(self) -> int:
        """How many ids are new; the end token that begins every text does not count, unless it was sent."""
        return len(self.ids) - (len(self._snapshot.ids) if self._snapshot else 1) + self._sent_ends

    @property
    def ids_after_boundary(self) -> tuple[int, ...]:
        """The final ids that a snapshot keeps because its state has not read them."""
        return self._final_ids[self.boundary :]

    @property
    def seen(self) -> set[int]:
        """The ids in the text so far, without the end token that begins it."""
        return self._seen(self.ids)

    def start(self, empty: State) -> State:
        """The state before ids; empty is the state of a text of which nothing has been read."""
        return unpack(self._snapshot.state, empty) if self._snapshot else empty

    def take_snapshot(self, served: Served, state: State) -> Snapshot:
        """A snapshot of the text, given the state at the boundary."""
        seen = to_bitmap(self._seen(self._final_ids), self._vocabulary_size)
        return take_snapshot(served, state, self.ids_after_boundary, self.open_word, seen, self.sampling)

    def _seen(self, ids: Sequence[int]) -> set[int]:
        return {*from_bitmap(self._snapshot.seen), *ids} if self._snapshot else set(ids[1:])
