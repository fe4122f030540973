"""One continuation of a prompt in the making: ids become text here."""

import codecs
from collections.abc import Sequence

from app.engine.jobs import Choice, GenerateJob, TokenPiece, TokenScore
from models.sampling import draw_key
from models.tokenizer import Tokenizer


class Continuation:
    """A row of the running batch, on its way from the prompt to its end.

    Text is put together token by token only where somebody looks at it: for a stream, or to find the
    end at a stop string. What may be the beginning of a stop string is held back until it is not.
    """

    def __init__(self, job: GenerateJob, choice: int, tokenizer: Tokenizer, prompt_ids: Sequence[int]) -> None:
        self.job, self.choice = job, choice
        self.key = draw_key(job.seed, choice)
        self.next = prompt_ids[-1]  # what the row reads at its next step
        self.ids: list[int] = []
        self.seen = set(prompt_ids[1:])  # less the end token, which begins every prompt
        self.scores: list[TokenScore] = []
        self.finish_reason = ""
        self._tokenizer = tokenizer
        self._watched = bool(job.stop) or job.stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._given = 0  # characters of _text that were handed out as pieces

    def push(self, token: int, score: TokenScore | None) -> TokenPiece | None:
        """Take the next token; return the piece of a stream that it completes, if any."""
        self.next = token
        self.ids.append(token)
        self.seen.add(token)
        if score is not None:
            self.scores.append(score)
        if token == self._tokenizer.end_id:
            self.finish_reason = "end"
        elif len(self.ids) >= self.job.max_new_tokens:
            self.finish_reason = "length"
        if not self._watched:
            return None
        # a character can be several tokens, one a byte: it is held back until it is whole, or the text ends
        self._text += self._decoder.decode(self._surface(len(self.ids) - 1), final=bool(self.finish_reason))
        places = [place for stop in self.job.stop if (place := self._text.find(stop, self._given)) >= 0]
        if places:
            self._text = self._text[: min(places)]
            self.finish_reason = "stop"
        return self._piece(score) if self.job.stream else None

    def choice_made(self) -> Choice:
        """What has become of it."""
        text = self._text
        if not self._watched:
            surfaces = b"".join(self._surface(place) for place in range(len(self.ids)))
            text = surfaces.decode("utf-8", errors="replace")
        return Choice(text, self.finish_reason, tuple(self.scores))

    def _surface(self, place: int) -> bytes:
        surface = self._tokenizer.surface(self.ids[place])
        # where the prompt ends in a space, that was left for the first token to bring, but is there already
        return surface.removeprefix(b" ") if place == 0 and self.job.prompt.endswith(" ") else surface

    def _piece(self, score: TokenScore | None) -> TokenPiece | None:
        end = len(self._text) if self.finish_reason else len(self._text) - self._held_back()
        text, self._given = self._text[self._given : end], max(end, self._given)
        return TokenPiece(self.choice, text, score) if text or score else None

    def _held_back(self) -> int:
        """How many characters at the end could begin a stop string."""
        fresh = len(self._text) - self._given
        return max(
            (
                length
                for stop in self.job.stop
                for length in range(min(len(stop) - 1, fresh), 0, -1)
                if self._text.endswith(stop[:length])
            ),
            default=0,
        )
