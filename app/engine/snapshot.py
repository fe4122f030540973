"""What a model remembers of a text, as a value that can leave the process, and prompts that go on from one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from app.catalog.registry import Served
from app.errors import Conflict
from models.decoding.word_pieces import split_partial
from models.runtime.interface import LanguageRuntime
from models.runtime.state import State, unpack
from models.text.tokenizers import Tokenizer

CHUNK = 32
"""Tokens of a prompt that are read at a time. Always as many, so that what is read depends on nothing else."""
LONGEST_WORD = 256
"""Characters without a space that wait, as text, for the rest of their word; more of them become ids at once."""


@dataclass(frozen=True)
class Drawing:
    """Where a generation stands, beside what its model remembers.

    steps tokens were drawn with the seed. The text that they make ends in characters that were not
    handed out yet: `held`, because a stop string could begin with them, and `undecoded`, the bytes of a
    character that is not whole.
    """

    seed: int
    steps: int
    held: str = ""
    undecoded: bytes = b""


@dataclass(frozen=True)
class Snapshot:
    """All that a text's continuation depends on.

    state is a packed State of one row; ids come after what it has read, at least one; text are the
    characters after those, a word that may still grow, whose ids are not settled. seen has a bit for each
    id in the text. model, version and precision say whose state it is: the numbers mean nothing to others.
    """

    model: str
    version: str
    precision: str
    state: bytes = field(repr=False)
    ids: tuple[int, ...] = field(repr=False)
    text: str = field(repr=False)
    seen: bytes = field(repr=False)
    drawing: Drawing | None = None


class Prompt:
    """What is to be read before a model goes on: a text, from its beginning or after a snapshot.

    The ids of a growing text are the same, however many pieces it comes in, as they would be in one: only
    what stands before its last space is settled. One space at its end is left unread: the pieces of a
    vocabulary begin with their space, so that the word to come brings it. State is taken after a whole
    number of chunks from where reading began, so that what follows is read in the same chunks too.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        text: str,
        before: Snapshot | None = None,
        partial: bool = False,
        ids: Sequence[int] | None = None,
        most: int | None = None,
    ) -> None:
        """With partial, the letters that the text ends in are not read: they are `prefix`, of the word to come.

        ids, where they are given, are read in the place of a text; of all ids, only the last `most`.
        """
        self._settled = before.ids if before else (tokenizer.end_id,)
        self._seen = before.seen if before else b""
        self.before = before
        self.drawing = before.drawing if before else None
        if self.drawing and text:
            self.drawing = Drawing(self.drawing.seed, self.drawing.steps)  # what was held back is over
        if ids is not None:
            self._settled += tuple(ids)
        whole = tokenizer.normalize(before.text + text if before else " " * (ids is None) + text)
        space = max(whole.rfind(" "), 0)
        if len(whole) - space > LONGEST_WORD:
            space = len(whole)
        settled, self.rest = whole[:space], whole[space:]
        self._settled += tuple(tokenizer.encode_continuation(settled) if settled else ())
        last, self.prefix = split_partial(self.rest) if partial else (self.rest, "")
        self.ends_in_space = last.endswith(" ")
        last = last.removesuffix(" ")
        self.ids = [*self._settled, *(tokenizer.encode_continuation(last) if last else ())]
        if most is not None:
            self.ids = [self.ids[0], *self.ids[1:][-most:]]
        self.mark = (len(self._settled) - 1) // CHUNK * CHUNK
        """After so many ids, state is taken."""
        self._vocabulary = tokenizer.size

    @property
    def fresh(self) -> int:
        """How many ids are new, the end token that begins every text left out."""
        return len(self.ids) - (len(self.before.ids) if self.before else 1)

    @property
    def seen(self) -> set[int]:
        """The ids in the text so far, less the end token that begins it."""
        skipped = 0 if self.before else 1
        return {*from_bits(self._seen), *self.ids[skipped:]}

    def start(self, empty: State) -> State:
        """The state before ids; empty is that of a text of which nothing is read."""
        return unpack(self.before.state, empty) if self.before else empty

    def snapshot(self, served: Served, state: State) -> Snapshot:
        """What is known of the text, given the state after `mark` ids."""
        skipped = 0 if self.before else 1
        seen = to_bits({*from_bits(self._seen), *self._settled[skipped:]}, self._vocabulary)
        return snapshot(served, state, self._settled[self.mark :], self.rest, seen, self.drawing)


def snapshot(
    served: Served, state: State, ids: Iterable[int], text: str, seen: bytes, drawing: Drawing | None = None
) -> Snapshot:
    """A snapshot with the marks of a model."""
    loaded, precision = served.checkpoint, served.runtime.precision
    return Snapshot(loaded.name, loaded.version, precision, state.pack(), tuple(ids), text, seen, drawing)


def check(before: Snapshot, served: Served) -> None:
    """Raise Conflict where a snapshot is not of this very model, which is a language model."""
    if before.version != served.checkpoint.version:
        raise Conflict("the state is of another model, or of another version of it", "state")
    if before.precision != served.runtime.precision:
        detail = f"the state is of a model in {before.precision}; this one runs in {served.runtime.precision}"
        raise Conflict(detail, "state")
    runtime: LanguageRuntime = served.runtime  # type: ignore[assignment]
    if len(before.state) != runtime.start(1).row_bytes:
        raise Conflict("the state is of another version of this service", "state")


def to_bits(ids: Iterable[int], size: int) -> bytes:
    """A bit for each id below size."""
    bits = np.zeros(size, np.uint8)
    bits[list(ids)] = 1
    return np.packbits(bits).tobytes()


def from_bits(bits: bytes) -> list[int]:
    found: list[int] = np.flatnonzero(np.unpackbits(np.frombuffer(bits, np.uint8))).tolist()
    return found
