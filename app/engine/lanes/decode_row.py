"""A row of the decode batch: one choice of a generation."""

from collections import deque

from app.engine.detokenizer import Detokenizer
from app.engine.jobs import Choice, GenerateJob, TokenEvent, TokenScore
from app.engine.prompt import Prompt
from app.engine.snapshot import SamplingState
from models.sampling import random_key
from models.text.tokenizers import Tokenizer
from models.text.visibility import Visibility


class DecodeRow:
    """The tokens, scores and text of one choice, from the end of its prompt on.

    A prompt that is to be scored is not prefilled: its tokens are `forced` on the row, one a step, instead of sampled
    ones. Text is decoded at each step only where that is needed: for a stream, a stop string, or a snapshot.
    """

    def __init__(self, job: GenerateJob, choice: int, tokenizer: Tokenizer, prompt: Prompt) -> None:
        self.job, self.choice = job, choice
        self.random_key = random_key(job.seed, choice)
        self.forced = deque(prompt.ids[1:] if job.score_prompt else ())
        self.input_id = prompt.ids[0] if self.forced else prompt.ids[-1]
        """The token that the next step reads."""
        self.prompt_scores: list[TokenScore] = []
        self.ids: list[int] = []
        self.seen = prompt.seen
        self.adjustments = job.sampling.adjustments(self.seen)
        self.scores: list[TokenScore] = []
        self.finish_reason = ""
        previous = prompt.sampling or SamplingState(job.seed, 0)
        continues = previous.seed == job.seed
        self._previous_steps = previous.steps if continues else 0
        self._visibility = Visibility(previous.held_text, previous.held_bytes, continues and previous.visible)
        self._tokenizer, self._ends_in_space = tokenizer, prompt.ends_in_space
        self._detokenizer: Detokenizer | None = None
        if job.stop or job.stream or job.return_snapshot or previous.held_text or previous.held_bytes:
            self._detokenizer = Detokenizer(job.stop, previous.held_text, previous.held_bytes)

    @property
    def steps(self) -> int:
        """How many tokens have been sampled with the seed, in earlier requests too."""
        return self._previous_steps + len(self.ids)

    @property
    def may_end(self) -> bool:
        """Whether the end token may be sampled: not in a text without a visible character, nor in one too short."""
        return len(self.ids) >= self.job.min_new_tokens and self._visibility.visible

    def push(self, token: int, score: TokenScore | None) -> TokenEvent | None:
        """Append a token; return the event for it if it is streamed."""
        self.input_id = token
        if self.forced:
            self._push_forced(score)
            return None
        ends = token == self._tokenizer.end_id and self.may_end
        self.ids.append(token)
        self.seen.add(token)
        if self.adjustments is not None:
            self.adjustments.push(token)
        if score is not None:
            self.scores.append(score)
        if ends:
            self.finish_reason = "end"
        elif len(self.ids) >= self.job.max_new_tokens:
            self.finish_reason = "length"
        if self._detokenizer is None and self._visibility.visible:
            return None  # as of most rows: the text is decoded once it is complete
        surface = self._surface(len(self.ids) - 1)
        self._visibility.push(surface)
        if self._detokenizer is None:
            return None
        self._detokenizer.push(surface, final=self._is_final)
        if self._detokenizer.stopped:
            self.finish_reason = "stop"
        if not self.job.stream:
            return None
        text = self._detokenizer.emit()
        return TokenEvent(self.choice, text, score) if text or score else None

    def _push_forced(self, score: TokenScore | None) -> None:
        self.forced.popleft()
        if score is not None:
            self.prompt_scores.append(score)
        if not self.forced and not self.job.max_new_tokens:
            self.finish_reason = "length"
            if self._detokenizer:
                self._detokenizer.push(b"", final=self._is_final)

    def result(self) -> Choice:
        if self._detokenizer:
            text = self._detokenizer.text
        else:
            surfaces = b"".join(self._surface(index) for index in range(len(self.ids)))
            text = surfaces.decode("utf-8", errors="replace")
        return Choice(text, self.finish_reason, tuple(self.scores))

    def sampling_state(self) -> SamplingState:
        """For a request that continues this row, which returns a snapshot."""
        assert self._detokenizer
        text, partial = self._detokenizer.held_text, self._detokenizer.held_bytes
        visible = self._visibility.visible and self.finish_reason != "end"
        return SamplingState(self.job.seed, self.steps, text, partial, visible)

    @property
    def _is_final(self) -> bool:
        """Whether no text will follow, in another request neither."""
        continues = self.job.return_snapshot and self.finish_reason in ("length", "interrupted")
        return bool(self.finish_reason) and not continues

    def _surface(self, index: int) -> bytes:
        surface = self._tokenizer.surface(self.ids[index])
        # a prompt's last space is not read but in the text already, and the first token brings it again
        return surface.removeprefix(b" ") if index == 0 and self._ends_in_space else surface
