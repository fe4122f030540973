"""One continuation of a prompt in the making: ids become text here."""

import codecs
from collections import Counter, deque

from app.engine.jobs import Choice, GenerateJob, TokenPiece, TokenScore
from app.engine.snapshot import Drawing, Prompt
from models.sampling import random_key
from models.text.tokenizers import Tokenizer


class Continuation:
    """A row of the running batch, on its way from the prompt to its end.

    Text is put together token by token only where somebody looks at it: for a stream, to find the end at
    a stop string, or to say where it stands. What may be the beginning of a stop string is held back until
    it is not; where the text is to go on later, beyond its last token too.
    """

    def __init__(self, job: GenerateJob, choice: int, tokenizer: Tokenizer, prompt: Prompt) -> None:
        """Where the prompt is to be scored, all but its first id is given to the row step by step, not drawn."""
        self.job, self.choice = job, choice
        self.key = random_key(job.seed, choice)
        self.given = deque(prompt.ids[1:] if job.score_prompt else ())
        self.next = prompt.ids[0] if self.given else prompt.ids[-1]  # what the row reads at its next step
        self.prompt_scores: list[TokenScore] = []
        self.ids: list[int] = []
        self.seen = prompt.seen
        self.counts: Counter[int] = Counter()
        self.scores: list[TokenScore] = []
        self.finish_reason = ""
        drawing = prompt.drawing or Drawing(job.seed, 0)
        self._steps = drawing.steps if drawing.seed == job.seed else 0
        self._tokenizer, self._ends_in_space = tokenizer, prompt.ends_in_space
        self._watched = bool(job.stop or drawing.held or drawing.undecoded) or job.stream or job.remember
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._decoder.setstate((drawing.undecoded, 0))
        self._text = drawing.held
        self._given = 0  # characters of _text that were handed out as pieces
        self._beyond = ""  # what follows the stop string that ended it

    @property
    def steps(self) -> int:
        """How many tokens were drawn with the seed, in earlier requests too."""
        return self._steps + len(self.ids)

    def push(self, token: int, score: TokenScore | None) -> TokenPiece | None:
        """Take the next token; return the piece of a stream that it completes, if any."""
        self.next = token
        if self.given:
            self._read(score)
            return None
        self.ids.append(token)
        self.seen.add(token)
        self.counts[token] += 1
        if score is not None:
            self.scores.append(score)
        if token == self._tokenizer.end_id:
            self.finish_reason = "end"
        elif len(self.ids) >= self.job.max_new_tokens:
            self.finish_reason = "length"
        if not self._watched:
            return None
        # a character can be several tokens, one a byte: it is held back until it is whole, or the text ends
        self._text += self._decoder.decode(self._surface(len(self.ids) - 1), final=self._is_final)
        found = [(place, -len(stop)) for stop in self.job.stop if (place := self._text.find(stop, self._given)) >= 0]
        if found:
            place, size = min(found)
            self._text, self._beyond = self._text[:place], self._text[place - size :]
            self.finish_reason = "stop"
        return self._piece(score) if self.job.stream else None

    def _read(self, score: TokenScore | None) -> None:
        """Take a token that was given."""
        self.given.popleft()
        if score is not None:
            self.prompt_scores.append(score)
        if not self.given and not self.job.max_new_tokens:
            self.finish_reason = "length"

    def choice_made(self) -> Choice:
        """What has become of it."""
        if self._watched:
            text = self._text[: self._end()]
        else:
            surfaces = b"".join(self._surface(place) for place in range(len(self.ids)))
            text = surfaces.decode("utf-8", errors="replace")
        return Choice(text, self.finish_reason, tuple(self.scores))

    def drawing(self) -> Drawing:
        """Where it stands, for whoever goes on with it."""
        held = self._beyond if self.finish_reason == "stop" else self._text[self._end() :]
        return Drawing(self.job.seed, self.steps, held, self._decoder.getstate()[0])

    @property
    def _is_final(self) -> bool:
        """Whether the text is over, for good."""
        return bool(self.finish_reason) and not (self.job.remember and self.finish_reason in ("length", "interrupted"))

    def _surface(self, place: int) -> bytes:
        surface = self._tokenizer.surface(self.ids[place])
        # where the prompt ends in a space, that was left for the first token to bring, but is there already
        return surface.removeprefix(b" ") if place == 0 and self._ends_in_space else surface

    def _piece(self, score: TokenScore | None) -> TokenPiece | None:
        end = self._end()
        text, self._given = self._text[self._given : end], max(end, self._given)
        return TokenPiece(self.choice, text, score) if text or score else None

    def _end(self) -> int:
        """How many characters can be handed out."""
        done = self.finish_reason == "stop" or self._is_final
        return len(self._text) - (0 if done else self._held_back())

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
