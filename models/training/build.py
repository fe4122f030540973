"""From a request on the command line to a trainer, its tokenizer, and the way to measure the result."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from models import checkpoint
from models.checkpoint import Checkpoint, Model
from models.classifier import Classifier, ClassifierConfig
from models.config import require_range
from models.device import choose_device
from models.errors import ConfigError, DataError
from models.language_model import LanguageModel, LanguageModelConfig
from models.tokenizer import SubwordTokenizer, Tokenizer, WordTokenizer
from models.training.classification import ClassificationTask, ClassificationTaskConfig
from models.training.corpus import Corpus, CorpusWriter, usable
from models.training.evaluate import evaluate_sources
from models.training.files import Row
from models.training.language import LanguageTask, LanguageTaskConfig
from models.training.loop import Task, Trainer
from models.training.optimization import TrainingConfig
from models.training.options import Value, distribute, parse_assignments
from models.training.recipes import Recipe, load_recipe, recipe_names
from models.training.scores.config import EvaluationConfig
from models.training.session import Run, work_folder
from models.training.sources import Source, all_rows, describe, parse_source
from models.training.transfer import classifier_sizes, transfer
from models.training.translation import TranslationTask, TranslationTaskConfig
from models.training.world import World
from models.translator import Translator, TranslatorConfig

COLUMNS = {"language": ("text",), "classifier": ("text", "label"), "translator": ("source", "target")}
TSV_COLUMNS = {**COLUMNS, "language": ("1",), "translator": ("1", "2")}
TEXT_COLUMNS = {"language": 1, "classifier": 1, "translator": 2}
TOKENIZERS: dict[str, type[SubwordTokenizer] | type[WordTokenizer]] = {
    "subword": SubwordTokenizer,
    "word": WordTokenizer,
}


@dataclass(frozen=True)
class VocabularyConfig:
    """How the tokenizer is made."""

    vocabulary_size: int = 8000
    tokenizer: str = "subword"
    """subword (SentencePiece) or word (between white space, with <unk>)."""
    lowercase: str = ""
    """en or tr: lower letters before anything else, as that language does."""

    def __post_init__(self) -> None:
        require_range(self, "vocabulary_size", 3, 1_000_000)
        if self.tokenizer not in TOKENIZERS:
            raise ConfigError(f"setting tokenizer is {self.tokenizer!r}; it must be {' or '.join(TOKENIZERS)}")
        if self.lowercase not in ("", "en", "tr"):
            raise ConfigError(f"setting lowercase is {self.lowercase!r}; it must be en, tr or empty")


CONFIGURATIONS: dict[str, tuple[type[Any], ...]] = {
    "language": (VocabularyConfig, LanguageModelConfig, TrainingConfig, EvaluationConfig, LanguageTaskConfig),
    "classifier": (VocabularyConfig, ClassifierConfig, TrainingConfig, EvaluationConfig, ClassificationTaskConfig),
    "translator": (VocabularyConfig, TranslatorConfig, TrainingConfig, EvaluationConfig, TranslationTaskConfig),
}


@dataclass(frozen=True)
class Request:
    """What the command line asked for."""

    kind: str
    output: Path
    train: tuple[str, ...] = ()
    valid: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    recipe: str = ""
    assignments: tuple[str, ...] = ()
    root: Path = Path()
    one_way: bool = False
    start: Path | None = None
    """The language model that a classifier starts from."""
    device: str = "auto"
    command: str = ""


@dataclass(frozen=True)
class Plan:
    """All that a session needs to run. report is None where the data were prepared before."""

    run: Run
    trainer: Trainer[Any, Any]
    tokenizer: Tokenizer
    evaluate: Callable[[Model], dict[str, Any]]
    report: CorpusWriter | None


@dataclass(frozen=True)
class _Material:
    """What a builder builds from."""

    one_way: bool
    languages: tuple[str, ...]
    tokenizer: Tokenizer
    corpus: Corpus
    valid: list[Row]
    model: Mapping[str, Any]
    task: Mapping[str, Any]
    seed: int
    measuring: EvaluationConfig
    start: LanguageModel | None


def plan(request: Request, world: World, resume: bool = False) -> Plan:
    """Read the data, make tokenizer, model and trainer. Raises ModelError for anything unusable."""
    recipe = find_recipe(request)
    settings: dict[str, Value] = {**recipe.settings, **parse_assignments(request.assignments)}
    vocabulary, model, training, evaluation, task = distribute(settings, CONFIGURATIONS[request.kind])
    config, measuring = TrainingConfig(**training), EvaluationConfig(**evaluation)  # type: ignore[arg-type]
    words = VocabularyConfig(**vocabulary)  # type: ignore[arg-type]
    if request.kind != "classifier" and (config.layer_rate_decay != 1 or config.unfreeze_epochs):
        raise ConfigError("layer_rate_decay and unfreeze_epochs are for classifiers")
    train = _sources(request, request.train or recipe.train, "train")
    valid = _sources(request, request.valid or recipe.valid, "valid")
    languages = tuple(language.lower() for language in request.languages or recipe.languages)
    if not languages:
        raise DataError("say what language the text is in, such as --language en")
    if request.kind == "translator" and len(languages) != 2:
        raise DataError("a translator needs two languages: --languages SOURCE,TARGET")
    device = choose_device(request.device)
    start = _start(request, vocabulary, device)
    texts = TEXT_COLUMNS[request.kind]
    valid_rows = list(usable(all_rows(valid), texts))
    if not valid_rows:
        raise DataError("the validation data has no row without a blank text")
    one_way = request.one_way or recipe.one_way
    identity: dict[str, Any] = {
        "kind": request.kind,
        "settings": settings,
        "languages": languages,
        "one_way": one_way,
        "data": {"train": describe(train), "valid": describe(valid)},
        "start": {"name": start.name, "version": start.version} if start else {},
    }
    folder = work_folder(request.output) / "corpus"
    tokenizer = start.tokenizer if start else None
    preparing = partial(_prepare, request, folder, train, valid_rows, tokenizer, words, identity)
    report = world.decide(lambda: None if resume and Corpus.is_whole(folder) else preparing())
    corpus, tokenizer = Corpus.open(folder, texts, identity)
    torch.manual_seed(config.seed)
    start_model = start.model if start else None
    assert start_model is None or isinstance(start_model, LanguageModel)
    material = _Material(
        one_way, languages, tokenizer, corpus, valid_rows, model, task, config.seed, measuring, start_model
    )
    made = _BUILDERS[request.kind](material)
    run = Run(
        output=request.output,
        languages=languages,
        command=request.command,
        settings=settings,
        data=identity["data"],
        data_note=recipe.data_note,
        limits=recipe.limits,
        start=identity["start"],
        data_report=corpus.summary,
    )

    def evaluate(model: Model) -> dict[str, Any]:
        return evaluate_sources(model, tokenizer, valid, measuring, train)

    return Plan(run, Trainer(made, config, device, world), tokenizer, evaluate, report)


def _prepare(
    request: Request,
    folder: Path,
    train: list[Source],
    valid: list[Row],
    tokenizer: Tokenizer | None,
    words: VocabularyConfig,
    identity: Mapping[str, Any],
) -> CorpusWriter:
    """Learn a vocabulary where there is none yet, and write the corpus in its ids."""
    texts = TEXT_COLUMNS[request.kind]
    if next(usable(all_rows(train), texts), None) is None:
        raise DataError("the training data has no row without a blank text")
    tokenizer = tokenizer or _train_tokenizer(usable(all_rows(train), texts), texts, words)
    writer = CorpusWriter(folder, tokenizer, request.kind == "language", texts, identity)
    writer.write(usable(all_rows(train), texts), valid)
    return writer


def find_recipe(request: Request) -> Recipe:
    """The recipe that a request names; an empty one where it names none. Raises DataError for an unknown one."""
    if not request.recipe:
        return Recipe(request.kind)
    known = recipe_names(request.kind)
    if request.recipe not in known:
        raise DataError(f"no recipe {request.recipe!r} for a {request.kind}; there are {', '.join(known)}")
    return load_recipe(request.recipe)


def _sources(request: Request, names: tuple[str, ...], option: str) -> list[Source]:
    if not names:
        raise DataError(f"no data: give --{option} FILE, or --recipe")
    split = {"train": "train", "valid": "validation"}[option]
    usual = (COLUMNS[request.kind], TSV_COLUMNS[request.kind])
    return [parse_source(name, request.root, *usual, split) for name in names]


def _start(request: Request, vocabulary: Mapping[str, Value], device: torch.device) -> Checkpoint | None:
    """Raise ConfigError where --from and other options contradict each other."""
    if request.start is None:
        return None
    start = checkpoint.load(request.start, device)
    if not isinstance(start.model, LanguageModel):
        raise ConfigError(f"--from {request.start}: a {start.kind}; a classifier starts from a language model")
    if vocabulary:
        raise ConfigError(f"setting {next(iter(vocabulary))} is decided by the language model of --from")
    return start


def _train_tokenizer(rows: Iterator[Row], texts: int, config: VocabularyConfig) -> Tokenizer:
    lines = (text for row in rows for text in row[:texts])
    return TOKENIZERS[config.tokenizer].train(lines, config.vocabulary_size, config.lowercase)


def _language(material: _Material) -> Task[Any, Any]:
    tokenizer = material.tokenizer
    model = LanguageModel(LanguageModelConfig(tokenizer.size, **material.model))
    valid = [text for (text,) in material.valid]
    config = LanguageTaskConfig(**material.task)
    return LanguageTask(model, tokenizer, material.corpus.columns[0].values, valid, config, material.seed)


def _classifier(material: _Material) -> Task[Any, Any]:
    labels, sizes = material.corpus.label_names, dict(material.model)
    if len(labels) < 2:
        raise DataError(f"all training texts have the label {labels[0]!r}; a classifier needs two or more")
    valid = [(text, label.strip()) for text, label in material.valid]
    unknown = sorted({label for _, label in valid} - set(labels))
    if unknown:
        raise DataError(f"the validation data has the label {unknown[0]!r}, which no training text has")
    if material.start:
        sizes = classifier_sizes(material.start, sizes)
    model = Classifier(ClassifierConfig(material.tokenizer.size, labels, **sizes))
    if material.start:
        transfer(material.start, model)
    config = ClassificationTaskConfig(**material.task)
    (texts,) = material.corpus.columns
    return ClassificationTask(model, material.tokenizer, texts, material.corpus.labels, valid, config, material.seed)


def _translator(material: _Material) -> Task[Any, Any]:
    first, second = material.languages
    directions = ((first, second), *(() if material.one_way else ((second, first),)))
    tokenizer = material.tokenizer
    model = Translator(TranslatorConfig(tokenizer.size, (first, second), directions, **material.model))
    valid = [(row[0], row[1]) for row in material.valid]
    config = TranslationTaskConfig(**material.task)
    tokenize = material.measuring.bleu_tokenize
    return TranslationTask(model, tokenizer, material.corpus.columns, valid, config, material.seed, tokenize)


_BUILDERS: dict[str, Callable[[_Material], Task[Any, Any]]] = {
    "language": _language,
    "classifier": _classifier,
    "translator": _translator,
}
