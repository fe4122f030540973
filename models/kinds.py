"""The kinds of models: one record each, which everything that handles models asks.

To add a kind, write its config and its network, its runtime, and its Training (trainer/tasks/training.py), and
register a Kind that names them. Checkpoints, trainer, service, evaluation, cards and comparisons then know it.

`models` imports neither the trainer nor the service, so a record names what lies there the way an entry point does,
as "package.module:attribute"; it is imported when it is first needed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

from models.counted.bag_of_words import Bag, BagConfig
from models.counted.ngram import Ngram, NgramConfig
from models.errors import ConfigError
from models.model import Model
from models.networks.captioner import Captioner, CaptionerConfig
from models.networks.classifier import Classifier, ClassifierConfig
from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.networks.pixel_rnn import PixelRNN, PixelRNNConfig
from models.networks.recognizer import Recognizer, RecognizerConfig
from models.networks.speaker import Speaker, SpeakerConfig
from models.networks.summarizer import Summarizer, SummarizerConfig
from models.networks.transformer import Transformer, TransformerConfig
from models.networks.translator import Translator, TranslatorConfig
from models.runtime.build import make_classifier_runtime, make_language_runtime, make_translator_runtime
from models.runtime.captioner import FloatCaptioner
from models.runtime.counted import BagClassifier, NgramLanguage
from models.runtime.interface import ClassifierRuntime, LanguageRuntime, TranslatorRuntime
from models.runtime.pixel_rnn import PixelRuntime
from models.runtime.recognizer import FloatRecognizer
from models.runtime.speaker import FloatSpeaker
from models.runtime.transformer import FloatTransformer
from models.tasks import TASKS

AnyRuntime = (
    LanguageRuntime
    | ClassifierRuntime
    | TranslatorRuntime
    | FloatCaptioner
    | FloatRecognizer
    | FloatSpeaker
    | PixelRuntime
)


@dataclass(frozen=True)
class Kind:
    """A kind of model."""

    name: str
    """As config.json has it."""
    config: type[Any]
    """A frozen dataclass: what the model is built from."""
    model: type[Model]
    task: str
    """What it answers: language (what comes next), classifier (which label), translator, summarizer, captioner (what a
    picture shows), recognizer (what was said), speaker (how it sounds) or image (what is drawn)."""
    lanes: str
    """What makes its lanes in the engine."""
    runtime: Callable[[Any, str, int], Any]
    """From model, precision and CPU threads (0: one a core) to its runtime, one of AnyRuntime as its task says."""
    training: str
    """Its Training: how the trainer makes and measures it."""
    columns: tuple[str, ...]
    """Of its data files: texts first, then, for a task with labels, the label."""
    tsv_columns: tuple[str, ...]
    """Of a TSV file whose columns the user does not name."""
    text_columns: int
    """How many of the columns are texts."""
    metric: str
    """The score that comparisons are drawn by."""
    higher_is_better: bool
    sentence: str
    """How a model card begins."""
    shown: tuple[str, ...] = ()
    """Fields of its config that /models lists."""
    counted: bool = False
    """Whether it is counted or fitted in one go rather than trained in steps."""
    gates: bool = False
    """Whether /inspect can show its gates."""

    def load_training(self) -> Any:
        """Its Training."""
        return resolve_name(self.training)

    def load_lanes(self) -> Any:
        """What makes its lanes."""
        return resolve_name(self.lanes)


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Add a kind. Raises ConfigError where its name or its model belongs to another."""
    for other in KINDS.values():
        if kind.name == other.name or kind.model is other.model:
            raise ConfigError(f"a kind {other.name!r} of {other.model.__name__} is registered already")
    KINDS[kind.name] = kind
    return kind


def kind_named(name: str) -> Kind:
    """Raises ConfigError for a name that is not registered."""
    if name not in KINDS:
        raise ConfigError(f"unknown kind of model {name!r}; known: {', '.join(KINDS)}")
    return KINDS[name]


def kind_of(model: Model) -> Kind:
    """The kind of a model. Raises ConfigError where it is of none."""
    for kind in KINDS.values():
        if type(model) is kind.model:
            return kind
    raise ConfigError(f"{type(model).__name__} is no registered kind of model")


register(
    Kind(
        name="language",
        config=LanguageModelConfig,
        model=LanguageModel,
        task=TASKS["language"],
        lanes="app.engine.lanes.wiring:language_lanes",
        runtime=make_language_runtime,
        training="trainer.tasks.kinds:LANGUAGE",
        columns=("text",),
        tsv_columns=("1",),
        text_columns=1,
        metric="perplexity_per_word",
        higher_is_better=False,
        sentence="A recurrent language model: embedding, recurrent layers, tied softmax.",
        gates=True,
    )
)
register(
    Kind(
        name="classifier",
        config=ClassifierConfig,
        model=Classifier,
        task=TASKS["classifier"],
        lanes="app.engine.lanes.wiring:classifier_lanes",
        runtime=make_classifier_runtime,
        training="trainer.tasks.kinds:CLASSIFIER",
        columns=("text", "label"),
        tsv_columns=("text", "label"),
        text_columns=1,
        metric="accuracy",
        higher_is_better=True,
        sentence="A text classifier: recurrent layers in both directions, max and mean pooling, linear head.",
        shown=("labels",),
        gates=True,
    )
)
register(
    Kind(
        name="translator",
        config=TranslatorConfig,
        model=Translator,
        task=TASKS["translator"],
        lanes="app.engine.lanes.wiring:beam_search_lanes",
        runtime=make_translator_runtime,
        training="trainer.tasks.kinds:TRANSLATOR",
        columns=("source", "target"),
        tsv_columns=("1", "2"),
        text_columns=2,
        metric="loss",
        higher_is_better=False,
        sentence="A translator: recurrent encoder in both directions, attention, recurrent decoder of two layers.",
        shown=("directions",),
    )
)
register(
    Kind(
        name="transformer",
        config=TransformerConfig,
        model=Transformer,
        task=TASKS["transformer"],
        lanes="app.engine.lanes.wiring:language_lanes",
        runtime=lambda model, _precision, _threads: FloatTransformer(model),
        training="trainer.tasks.kinds:TRANSFORMER",
        columns=("text",),
        tsv_columns=("1",),
        text_columns=1,
        metric="perplexity_per_word",
        higher_is_better=False,
        sentence="A Transformer over a window of tokens, to compare recurrent models with.",
    )
)
register(
    Kind(
        name="summarizer",
        config=SummarizerConfig,
        model=Summarizer,
        task=TASKS["summarizer"],
        lanes="app.engine.lanes.wiring:beam_search_lanes",
        runtime=make_translator_runtime,
        training="trainer.tasks.kinds:SUMMARIZER",
        columns=("text", "summary"),
        tsv_columns=("1", "2"),
        text_columns=2,
        metric="rougeL",
        higher_is_better=True,
        sentence="A summarizer: recurrent encoder in both directions, attention, recurrent decoder that copies.",
    )
)
register(
    Kind(
        name="ngram",
        config=NgramConfig,
        model=Ngram,
        task=TASKS["ngram"],
        lanes="app.engine.lanes.wiring:language_lanes",
        runtime=lambda model, _precision, _threads: NgramLanguage(model),
        training="trainer.tasks.kinds:NGRAM",
        columns=("text",),
        tsv_columns=("1",),
        text_columns=1,
        metric="perplexity_per_word",
        higher_is_better=False,
        sentence="An n-gram model: counts of words in sorted tables.",
        counted=True,
    )
)
register(
    Kind(
        name="bag",
        config=BagConfig,
        model=Bag,
        task=TASKS["bag"],
        lanes="app.engine.lanes.wiring:classifier_lanes",
        runtime=lambda model, _precision, _threads: BagClassifier(model),
        training="trainer.tasks.kinds:BAG",
        columns=("text", "label"),
        tsv_columns=("text", "label"),
        text_columns=1,
        metric="accuracy",
        higher_is_better=True,
        sentence=(
            "A text classifier that knows no order: logistic regression on which words, or groups of words, a text has."
        ),
        shown=("labels",),
        counted=True,
    )
)
register(
    Kind(
        name="captioner",
        config=CaptionerConfig,
        model=Captioner,
        task=TASKS["captioner"],
        lanes="app.engine.lanes.wiring:captioner_lanes",
        runtime=lambda model, _precision, _threads: FloatCaptioner(model),
        training="trainer.tasks.kinds:CAPTIONER",
        columns=("text",),
        tsv_columns=("1",),
        text_columns=1,
        metric="word_accuracy",
        higher_is_better=True,
        sentence=(
            "A captioner of pictures: convolutions, a recurrent encoder of columns in both directions, attention, "
            "a recurrent decoder of two layers."
        ),
    )
)
register(
    Kind(
        name="recognizer",
        config=RecognizerConfig,
        model=Recognizer,
        task=TASKS["recognizer"],
        lanes="app.engine.lanes.wiring:recognizer_lanes",
        runtime=lambda model, _precision, _threads: FloatRecognizer(model),
        training="trainer.tasks.kinds:RECOGNIZER",
        columns=("text",),
        tsv_columns=("1",),
        text_columns=1,
        metric="accuracy",
        higher_is_better=True,
        sentence=(
            "A recognizer of spoken words: log-mel frames, convolutions, recurrent layers in both directions, and "
            "connectionist temporal classification."
        ),
    )
)
register(
    Kind(
        name="speaker",
        config=SpeakerConfig,
        model=Speaker,
        task=TASKS["speaker"],
        lanes="app.engine.lanes.wiring:speaker_lanes",
        runtime=lambda model, _precision, _threads: FloatSpeaker(model),
        training="trainer.tasks.kinds:SPEAKER",
        columns=("text",),
        tsv_columns=("1",),
        text_columns=1,
        metric="distance",
        higher_is_better=False,
        sentence=(
            "A speaker of words: recurrent layers in both directions draw a word's spectrum, for a voice and a style; "
            "Griffin and Lim's iteration makes a wave of it."
        ),
        shown=("voices",),
    )
)
register(
    Kind(
        name="image",
        config=PixelRNNConfig,
        model=PixelRNN,
        task=TASKS["image"],
        lanes="app.engine.lanes.wiring:image_lanes",
        runtime=lambda model, _precision, _threads: PixelRuntime(model),
        training="trainer.tasks.kinds:IMAGE",
        columns=("text",),
        tsv_columns=("1",),
        text_columns=1,
        metric="nats_given_class",
        higher_is_better=False,
        sentence="It draws images: a recurrent network over rows, and one over the pixels of a row (PixelRNN).",
        shown=("classes",),
    )
)
