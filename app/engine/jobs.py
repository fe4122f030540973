"""Jobs of the engine and their results. Values only: nothing here holds a tensor.

Of each job, `characters` is the length of its texts, `cost` estimates its work in steps of a row, and `slots` are the
rows that it takes.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from app.engine.snapshot import Snapshot
from models.gates import Direction, Find
from models.pictures import HEIGHT, MULTIPLE
from models.sampling import SamplingConfig
from models.text.tokenizers import Token

STEPS_PER_SECOND = 25
"""Of a recording: what a second of it costs, in steps of a row."""

STEPS_PER_WORD = 10
"""Of speech: what a word costs, in steps of a row."""


@dataclass(frozen=True)
class GenerateJob:
    """Continue a prompt, in `choices` ways."""

    prompt: str
    max_new_tokens: int
    sampling: SamplingConfig
    seed: int
    stop: tuple[str, ...] = ()
    choices: int = 1
    scored: bool = False
    """Whether to return the log-probability of each token."""
    top_logprobs: int = 0
    """With scored: how many of the likeliest tokens to return beside each token."""
    stream: bool = False
    min_new_tokens: int = 0
    ids: tuple[int, ...] | None = None
    """The prompt as ids, instead of its text."""
    truncate: int | None = None
    """Read only so many of the prompt's last tokens."""
    score_prompt: bool = False
    """Whether to score the prompt's tokens too; max_new_tokens may then be 0."""
    snapshot: Snapshot | None = None
    """What the prompt follows; the prompt may then be empty."""
    return_snapshot: bool = False
    """Only for one choice."""

    @property
    def characters(self) -> int:
        return len(self.prompt)

    @property
    def slots(self) -> int:
        return self.choices

    @property
    def length(self) -> float:
        """Of the prompt, in tokens, as far as known before it is read."""
        return len(self.prompt) / 4 if self.ids is None else len(self.ids)

    @property
    def steps(self) -> float:
        """The most steps that it takes: a scored prompt is read in steps too."""
        return self.max_new_tokens + (self.length if self.score_prompt else 0)

    @cached_property
    def cost(self) -> float:
        return self.length + self.choices * self.steps


@dataclass(frozen=True, slots=True)
class TokenScore:
    """A token with its log-probability under the model, before temperature and all else.

    likeliest are the likeliest tokens, each as (id, text, log-probability): plain tuples, since a request can have
    100,000 of them, and the garbage collector looks at every object.
    """

    id: int
    text: str
    logprob: float
    likeliest: tuple[tuple[int, str, float], ...] = ()

    @property
    def top(self) -> "list[TokenScore]":
        """The likeliest tokens."""
        return [TokenScore(*token) for token in self.likeliest]


@dataclass(frozen=True)
class TokenEvent:
    """A stream event: what a token adds to the text of a choice; the events of a choice make up its text."""

    choice: int
    text: str
    score: TokenScore | None = None


@dataclass(frozen=True)
class Choice:
    """One generated text; finish_reason is length, stop, end, or interrupted (the service shut down)."""

    text: str
    finish_reason: str
    tokens: tuple[TokenScore, ...]

    @property
    def mean_logprob(self) -> float:
        """Only of a choice that was scored."""
        return sum(token.logprob for token in self.tokens) / max(1, len(self.tokens))


@dataclass(frozen=True)
class Generation:
    choices: tuple[Choice, ...]
    prompt_tokens: int
    generated_tokens: int
    prompt_scores: tuple[TokenScore, ...] = ()
    scored_tokens: tuple[Token, ...] = ()
    """The tokens that prompt_scores are of, with their spans in the prompt as sent.

    None of a prompt of ids, or of one that is truncated.
    """
    snapshot: Snapshot | None = None

    @property
    def score_count(self) -> int:
        lists = (self.prompt_scores, *(choice.tokens for choice in self.choices))
        return sum(1 + len(token.likeliest) for tokens in lists for token in tokens)


@dataclass(frozen=True)
class PredictJob:
    """Predict the next word or token (unit); candidates, if any, are scored, and no others are searched.

    layout is that of the keyboard on which the letters of a partial word were typed, perhaps with slips; empty: as they
    are. With whole_word they are all the letters of the word.
    """

    text: str
    top: int
    unit: str
    partial: bool = False
    candidates: tuple[str, ...] = ()
    temperature: float = 1.0
    snapshot: Snapshot | None = None
    return_snapshot: bool = False
    layout: str = ""
    whole_word: bool = False

    slots = 1

    @property
    def characters(self) -> int:
        return len(self.text)

    @property
    def length(self) -> float:
        """Of the text, in tokens, as far as known before it is read."""
        return len(self.text) / 4

    @cached_property
    def cost(self) -> float:
        return self.length + 50


@dataclass(frozen=True)
class Prediction:
    """Words or tokens with their probabilities, and the probability of all others.

    end is the part of it that the text ends here has; None where tokens are listed, or the last word may go on. meant,
    where slips were tolerated, has the beginning of each word that was typed, and log P(typed | word).
    """

    next: tuple[tuple[str, float], ...]
    other: float
    end: float | None = None
    snapshot: Snapshot | None = None
    meant: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class ClassifyJob:
    texts: tuple[str, ...]
    explain: bool = False
    slots = 1

    @property
    def characters(self) -> int:
        return sum(map(len, self.texts))

    @cached_property
    def cost(self) -> float:
        return self.characters / 10


@dataclass(frozen=True, slots=True)
class Contribution:
    """The contribution of text[start:end] to the logit of the label."""

    token: str
    start: int
    end: int
    contribution: float


@dataclass(frozen=True)
class Verdict:
    """Explanation and bias sum to the logit of the label."""

    label: str
    scores: dict[str, float]
    explanation: tuple[Contribution, ...] = ()
    bias: float = 0.0
    logit: float = 0.0

    @property
    def score_count(self) -> int:
        return len(self.explanation)


@dataclass(frozen=True)
class TranslateJob:
    texts: tuple[str, ...]
    target: str
    beam_size: int
    length_penalty: float
    alternatives: int = 0
    attention: bool = False
    stream: bool = False
    format: Literal["text", "html"] = "text"
    unchanged: bool = False
    """Whether the texts are in the target language already, and so are their own translations."""
    prefix: str = ""
    """What the translation of the text, if there is one only, begins with."""
    top_tokens: int = 0
    """Above 0, how many of the likeliest tokens to return for each token of a translation."""

    @property
    def slots(self) -> int:
        return self.beam_size

    @property
    def characters(self) -> int:
        return sum(map(len, self.texts))

    @cached_property
    def cost(self) -> float:
        return self.characters / 4 * (1 if self.unchanged else self.beam_size)


@dataclass(frozen=True)
class SentenceEvent:
    """A stream event: the next sentence of the translation of text number `index`, with the white space after it."""

    index: int
    text: str


@dataclass(frozen=True)
class AttentionMap:
    """weights[t][s] is the attention of target token t to source token s; a row sums to 1."""

    source_tokens: tuple[str, ...]
    target_tokens: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class TargetToken:
    """A token of a translation: its span in the text, its probability, and the likeliest tokens at its position."""

    token: str
    start: int
    end: int
    probability: float
    top: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Translation:
    """score is the mean log-probability per token (over length ** length_penalty), averaged over sentences.

    quality estimates the translation's chrF2 against a human's, from 0 to 1; None where the model is not calibrated.
    """

    text: str
    score: float
    alternatives: tuple[str, ...] = ()
    attention: AttentionMap | None = field(default=None, repr=False)
    quality: float | None = None
    tokens: tuple[TargetToken, ...] = field(default=(), repr=False)

    @property
    def score_count(self) -> int:
        weights = sum(map(len, self.attention.weights)) if self.attention else 0
        return weights + sum(1 + len(token.top) for token in self.tokens)


@dataclass(frozen=True)
class DescribeJob:
    """Describe a picture: pixels are those of (28, W), row by row, a byte each, ink 255; W is a multiple of 4."""

    pixels: bytes
    language: str
    attention: bool = False
    slots = 1
    characters = 0

    @property
    def steps(self) -> int:
        """Of the encoder."""
        return len(self.pixels) // (HEIGHT * MULTIPLE)

    @property
    def cost(self) -> float:
        return self.steps


@dataclass(frozen=True)
class Caption:
    """The words that describe a picture, the probability of each, and, where requested, its attention to each step of
    the encoder; a row sums to 1."""

    words: tuple[str, ...]
    probabilities: tuple[float, ...]
    attention: tuple[tuple[float, ...], ...] = field(default=(), repr=False)

    @property
    def score_count(self) -> int:
        return sum(map(len, self.attention))


@dataclass(frozen=True)
class SummarizeJob:
    """Summarize texts; words says whether to find out where each word of a summary was copied from."""

    texts: tuple[str, ...]
    max_new_tokens: int
    beam_size: int
    length_penalty: float
    words: bool = False
    stream = False

    @property
    def slots(self) -> int:
        return self.beam_size

    @property
    def characters(self) -> int:
        return sum(map(len, self.texts))

    @cached_property
    def cost(self) -> float:
        return self.characters / 4 + len(self.texts) * self.max_new_tokens * self.beam_size


@dataclass(frozen=True, slots=True)
class SummarizedWord:
    """A word of a summary, summary[start:end]; source is the span of the text that it was copied from, or None.

    copied is the share of its probability that comes from copying rather than from the vocabulary, of 1.
    """

    start: int
    end: int
    copied: float
    source: tuple[int, int] | None


@dataclass(frozen=True)
class Summary:
    """score is the log-probability over length ** length_penalty; of the text, text[:read_characters] was read.

    finished says whether it ended before the limit of its tokens.
    """

    text: str
    score: float
    read_characters: int
    finished: bool = True
    words: tuple[SummarizedWord, ...] = ()

    @property
    def score_count(self) -> int:
        return len(self.words)


@dataclass(frozen=True)
class InspectJob:
    """Inspect a layer over a text: the named units, or the `top` units that `find` ranks highest.

    With marked spans, find is cell or hidden: the units whose state of that name separates the marked tokens best.
    """

    text: str
    layer: int | None = None
    """Counted from 0; None is the last."""
    direction: Direction = "forward"
    units: tuple[int, ...] = ()
    top: int = 12
    find: Find = "cell"
    connectivity: int | None = None
    """Index of the token of which Connectivity is computed too."""
    marked: tuple[tuple[int, int], ...] = ()
    """Spans of characters, each its first and the one after its last; they mark the tokens that they touch."""
    slots = 1

    @property
    def characters(self) -> int:
        return len(self.text)

    @cached_property
    def cost(self) -> float:
        return float(len(self.text)) * (1 if self.connectivity is None else 2)


@dataclass(frozen=True)
class DrawJob:
    """Draw n images of `height` rows and `width` pixels each. subject is a class's index; after the last one, none."""

    subject: int
    n: int
    seed: int
    height: int
    width: int
    temperature: float = 1.0
    guidance: float = 0.0
    top: tuple[str, ...] = ()
    """The upper rows that are there already, each a text of 0 and 1."""
    stream: bool = False
    prompt_tokens: int = 0

    characters = 0

    @property
    def slots(self) -> int:
        return self.n

    @cached_property
    def cost(self) -> float:
        """A row of pixels takes about as long as a token, and with guidance as two."""
        return float(self.n * self.height * (2 if self.guidance else 1))


@dataclass(frozen=True)
class RowEvent:
    """A stream event: a row of an image, from the top; probabilities are those of each pixel being 1."""

    index: int
    row: int
    pixels: str
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class DrawnImage:
    """Rows of 0 and 1, and the log-probability of them all, before guidance and temperature."""

    rows: tuple[str, ...]
    logprob: float


@dataclass(frozen=True)
class Drawing:
    images: tuple[DrawnImage, ...]
    prompt_tokens: int
    generated_tokens: int
    """Pixels."""

    @property
    def score_count(self) -> int:
        return sum(len(image.rows) for image in self.images)


@dataclass(frozen=True)
class Unit:
    """The gates and states of a unit, a number a token. change sums how far each step moved its cell.

    series has those of the model's cell, by name; a cell without a cell state moves its hidden state. start has the
    states before the first token that is read, cell and hidden.
    """

    unit: int
    change: float
    series: dict[str, tuple[float, ...]]
    start: dict[str, float]
    score: float | None = None
    """How well its state separates the marked tokens from the others, from -1 to 1."""


@dataclass(frozen=True)
class Connectivity:
    """How strongly the probability of the token with an index depends on each token before it."""

    token: int
    logprob: float
    norms: tuple[float, ...]


@dataclass(frozen=True)
class Inspection:
    """change is how far each token moved the cells, averaged over all units."""

    tokens: tuple[Token, ...]
    layer: int
    layers: int
    hidden: int
    directions: tuple[Direction, ...]
    change: tuple[float, ...]
    units: tuple[Unit, ...]
    cells: str = "lstm"
    """Of the model's layers: a name of CELLS."""
    connectivity: Connectivity | None = None
    marked: tuple[int, ...] = ()
    """Indices of the marked tokens."""

    @property
    def score_count(self) -> int:
        return len(self.tokens) * (1 + sum(len(unit.series) for unit in self.units))


@dataclass(frozen=True)
class TranscribeJob:
    """Recognize the words of a recording."""

    samples: bytes = field(repr=False)
    """float32, at the model's sample rate."""
    seconds: float
    slots = 1
    characters = 0

    @cached_property
    def cost(self) -> float:
        return STEPS_PER_SECOND * self.seconds


@dataclass(frozen=True)
class HeardWord:
    """A word; start, end and the peak of the model's output are in seconds, probability is that of the peak."""

    word: str
    start: float
    end: float
    peak: float
    probability: float


@dataclass(frozen=True)
class Transcription:
    words: tuple[HeardWord, ...]

    @property
    def score_count(self) -> int:
        return len(self.words)


@dataclass(frozen=True)
class SpeakJob:
    """Speak words; they and the voice are indices of the model's, and speed 1 is that of its recordings."""

    words: tuple[int, ...]
    voice: int
    seed: int
    speed: float = 1.0
    slots = 1
    characters = 0

    @property
    def cost(self) -> float:
        return STEPS_PER_WORD * len(self.words)


@dataclass(frozen=True)
class Speech:
    samples: bytes = field(repr=False)
    """float32, at the model's sample rate."""

    @property
    def score_count(self) -> int:
        return 0


Job = (
    GenerateJob
    | PredictJob
    | ClassifyJob
    | TranslateJob
    | SummarizeJob
    | InspectJob
    | DescribeJob
    | TranscribeJob
    | SpeakJob
    | DrawJob
)
Result = (
    Generation
    | Prediction
    | list[Verdict]
    | list[Translation]
    | list[Summary]
    | Inspection
    | Caption
    | Transcription
    | Speech
    | Drawing
)


def score_count(result: Result) -> int:
    """How many numbers a result has for its tokens: log-probabilities, contributions, attention weights, gates."""
    if isinstance(result, Prediction):
        return 0
    return sum(part.score_count for part in result) if isinstance(result, list) else result.score_count
