"""How the trainer makes a kind of model: the record that models/kinds.py names."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from models.errors import ConfigError, DataError
from models.model import Model
from models.networks.language_model import LanguageModel
from models.text.known_words import KnownWords
from models.text.tokenizers import Tokenizer
from trainer.data.corpus import Corpus
from trainer.data.files import Row
from trainer.data.sources import Source
from trainer.data.store import Ragged
from trainer.evaluation.config import EvaluationConfig
from trainer.loop.trainer import Task
from trainer.tasks.sizing import DataSize, Value

ConfigT = TypeVar("ConfigT")
Scores = dict[str, Any]
Evaluate = Callable[[Any, Tokenizer, Sequence[Row], str, EvaluationConfig, str, KnownWords | None], Scores]


@dataclass(frozen=True)
class Settings:
    """The settings of a run by the configuration that has them; `everything` is all of them, defaults included."""

    everything: Mapping[str, Value]
    shares: Mapping[type[Any], Mapping[str, Value]]
    sized: tuple[str, ...] = ()
    """The names of those that were chosen by the size of the data."""

    def make(self, config: type[ConfigT], *data: Any, **more: Any) -> ConfigT:
        """A configuration from its settings, and what only the data say. Raises ConfigError."""
        return config(*data, **more, **self.shares[config])

    @property
    def seed(self) -> int:
        return int(self.everything.get("seed", 1))


@dataclass(frozen=True)
class Material:
    """The data and settings from which a model is built."""

    settings: Settings
    languages: tuple[str, ...]
    one_way: bool
    tokenizer: Tokenizer
    corpus: Corpus
    valid: list[Row]
    sources: tuple[Sequence[Source], Sequence[Source]]
    """Of the training and of the validation data: what has more to it than text reads them itself."""
    start: Model | None = None
    """The model to initialise from; an instance of one of the Training's `start`."""
    distilled: tuple[Ragged, ...] = ()
    """Teachers' translations of the training pairs, in each direction of a translator."""
    originals: bool = True
    """Whether a translator with teachers also trains on the pairs as they are."""

    @property
    def labelled_valid(self) -> list[tuple[str, str]]:
        """The validation texts with their labels.

        Raises DataError where the training texts have fewer than two labels, or validation texts have another.
        """
        labels = self.corpus.label_names
        if len(labels) < 2:
            raise DataError(f"all training texts have the label {labels[0]!r}; a classifier needs two or more")
        valid = [(text, label.strip()) for text, label in self.valid]
        unknown = sorted({label for _, label in valid} - set(labels))
        if unknown:
            raise DataError(f"the validation data has the label {unknown[0]!r}, which no training text has")
        return valid


class Fit(ABC):
    """A model that is fitted in one call rather than trained in steps."""

    @abstractmethod
    def fit(self) -> tuple[Model, dict[str, Any], str]:
        """The model, notes for its record, and a line to print."""


@dataclass(frozen=True)
class Training:
    """How a kind of model is made and measured."""

    help: str
    """Of its command."""
    configurations: tuple[type[Any], ...]
    """Whose fields are its settings; the first is a VocabularyConfig."""
    build: Callable[[Material], Task[Any, Any] | Fit]
    evaluate: Evaluate | None = None
    """Scores of a model on rows of a named source, in a precision, with its list of known words."""
    evaluate_source: Callable[[Any, Tokenizer, Source, EvaluationConfig], Scores] | None = None
    """Instead of `evaluate`, of a model that reads more of a source than its rows of text."""
    pictures: Callable[[Any], Mapping[str, bytes]] | None = None
    """Files that show what a finished model makes, by name; its card shows them."""
    stream: bool = False
    """Whether all texts are one stream of ids, with an end after each."""
    start: tuple[type[Model], ...] = (LanguageModel,)
    """The networks that it may be initialised from."""
    inherited: tuple[str, ...] = ()
    """Settings that are those of the model it is initialised from; none: it can't be."""
    sized: Callable[[DataSize], Mapping[str, Value]] | None = None
    """Settings by the size of the training data, for those that nobody set."""
    per_layer_rates: bool = False
    """Whether layers may have learning rates of their own (layer_rate_decay, unfreeze_epochs)."""
    shares_texts: bool = False
    """Whether the texts of training and validation data are the same few names, so that none of them is a leak."""
    rows: Callable[[Settings, Iterable[Row]], Callable[[Iterable[Row]], Iterator[Row]]] | None = None
    """From the settings and the training rows to what changes rows before they are encoded; None: nothing does."""
    pairs: bool = False
    """Whether it is trained for a pair of languages, in one direction or both; then it has a PairConfig."""

    def inherit(self, start: Model, settings: Mapping[str, Value]) -> dict[str, Value]:
        """Settings with the sizes of the model to start from. Raises ConfigError where they disagree."""
        sizes = {name: getattr(start.config, name) for name in self.inherited}
        for name, size in sizes.items():
            if settings.get(name, size) != size:
                raise ConfigError(f"setting {name} is {settings[name]}, but the model of --from has {size}")
        return {**settings, **sizes}
