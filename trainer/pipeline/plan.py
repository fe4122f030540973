"""From a request on the command line to a trainer, its tokenizer, and the way to measure the result."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import torch

from models import checkpoint
from models.checkpoint import Checkpoint, Model
from models.device import choose_device, trains_in_bfloat16
from models.errors import ConfigError, DataError
from models.networks.classifier import Classifier, ClassifierConfig
from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.networks.translator import Translator, TranslatorConfig
from models.text.tokenizers import Tokenizer
from trainer.data.corpus import Corpus, CorpusWriter, usable
from trainer.data.files import Row
from trainer.data.sources import FileSource, Source, all_rows, describe, parse_source
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.evaluate import evaluate_sources
from trainer.loop.distributed import World
from trainer.loop.optimization import TrainingConfig
from trainer.loop.trainer import Task, Trainer
from trainer.pipeline.options import Value, complete, distribute, parse_assignments
from trainer.pipeline.session import Run, work_folder
from trainer.recipes import Recipe, load_recipe, recipe_names
from trainer.tasks.classification import ClassificationTask, ClassificationTaskConfig
from trainer.tasks.configs import TOKENIZERS, BaggingConfig, CountingConfig, VocabularyConfig, WordListConfig
from trainer.tasks.language import LanguageTask, LanguageTaskConfig
from trainer.tasks.transfer import SIZES, go_on, start_sizes, transfer
from trainer.tasks.translation import TranslationTask, TranslationTaskConfig
from trainer.tasks.windows import WindowTask

COLUMNS = {
    "language": ("text",),
    "classifier": ("text", "label"),
    "translator": ("source", "target"),
    "ngram": ("text",),
    "bag": ("text", "label"),
}
TSV_COLUMNS = {**COLUMNS, "language": ("1",), "translator": ("1", "2"), "ngram": ("1",)}
TEXT_COLUMNS = {"language": 1, "classifier": 1, "translator": 2}
CONFIGURATIONS: dict[str, tuple[type[Any], ...]] = {
    "language": (VocabularyConfig, LanguageModelConfig, TrainingConfig, EvaluationConfig, LanguageTaskConfig),
    "classifier": (VocabularyConfig, ClassifierConfig, TrainingConfig, EvaluationConfig, ClassificationTaskConfig),
    "translator": (VocabularyConfig, TranslatorConfig, TrainingConfig, EvaluationConfig, TranslationTaskConfig),
    "ngram": (WordListConfig, CountingConfig, EvaluationConfig),
    "bag": (VocabularyConfig, BaggingConfig, EvaluationConfig),
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
    """The language model that a classifier or another language model starts from."""
    labelled: Path | None = None
    """Texts with labels that other models gave them, to train on beside the rest."""
    device: str = "auto"
    note: str = ""
    """What the card says of the data, where no recipe does."""
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
class _Settings:
    """All settings by name, and the same as configurations; those of model and task want what the data say."""

    everything: Mapping[str, Value]
    vocabulary: VocabularyConfig
    model: Mapping[str, Any]
    training: TrainingConfig
    measuring: EvaluationConfig
    task: Mapping[str, Any]


@dataclass(frozen=True)
class _Material:
    """What a builder builds from."""

    settings: _Settings
    languages: tuple[str, ...]
    one_way: bool
    tokenizer: Tokenizer
    corpus: Corpus
    valid: list[Row]
    start: LanguageModel | None


def plan(request: Request, world: World, resume: bool = False) -> Plan:
    """Read the data, make tokenizer, model and trainer. Raises ModelError for anything unusable."""
    recipe = find_recipe(request)
    device = choose_device(request.device)
    start = _start(request, device)
    settings = _settings(request, recipe, start, device)
    languages = languages_of(request, recipe)
    train = sources_of(request, request.train or recipe.train, "train")
    if request.labelled:
        train.append(FileSource(request.labelled.name, (request.labelled,), COLUMNS["classifier"]))
    valid = sources_of(request, request.valid or recipe.valid, "valid")
    texts = TEXT_COLUMNS[request.kind]
    valid_rows = list(usable(all_rows(valid), texts))
    if not valid_rows:
        raise DataError("the validation data has no row without a blank text")
    one_way = request.one_way or recipe.one_way
    identity: dict[str, Any] = {
        "kind": request.kind,
        "settings": settings.everything,
        "languages": languages,
        "one_way": one_way,
        "data": {"train": describe(train), "valid": describe(valid)},
        "start": {"name": start.name, "version": start.version} if start else {},
    }
    folder = work_folder(request.output) / "corpus"
    known = start.tokenizer if start else None
    preparing = partial(_prepare, request, folder, train, valid_rows, known, settings.vocabulary, identity)
    report = world.decide(lambda: None if resume and Corpus.is_whole(folder) else preparing())
    corpus, tokenizer = Corpus.open(folder, texts, identity)
    torch.manual_seed(settings.training.seed)
    start_model = start.model if start else None
    assert start_model is None or isinstance(start_model, LanguageModel)
    material = _Material(settings, languages, one_way, tokenizer, corpus, valid_rows, start_model)
    made = _BUILDERS[request.kind](material)
    run = Run(
        output=request.output,
        languages=languages,
        command=request.command,
        settings=settings.everything,
        data=identity["data"],
        data_note=recipe.data_note or request.note,
        limits=recipe.limits,
        start=identity["start"],
        data_report=corpus.summary,
    )

    def evaluate(model: Model) -> dict[str, Any]:
        return evaluate_sources(model, tokenizer, valid, settings.measuring, train)

    return Plan(run, Trainer(made, settings.training, device, world), tokenizer, evaluate, report)


def _settings(request: Request, recipe: Recipe, start: Checkpoint | None, device: torch.device) -> _Settings:
    """Those of the recipe, of the command line and of what it starts from. Raises ConfigError where they disagree."""
    given: dict[str, Value] = {**recipe.settings, **parse_assignments(request.assignments)}
    shares = distribute(given, CONFIGURATIONS[request.kind])
    vocabulary, model, training, evaluation, task = shares
    config, words = TrainingConfig(**training), VocabularyConfig(**vocabulary)  # type: ignore[arg-type]
    if request.kind != "classifier" and (config.layer_rate_decay != 1 or config.unfreeze_epochs):
        raise ConfigError("layer_rate_decay and unfreeze_epochs are for classifiers")
    if start:
        if vocabulary:
            raise ConfigError(f"setting {next(iter(vocabulary))} is decided by the language model of --from")
        known = start.tokenizer
        vocabulary |= {"vocabulary_size": known.size, "tokenizer": known.kind, "lowercase": known.lowercase}
        model |= start_sizes(request.kind, start.model, model)  # type: ignore[arg-type]
    measuring = EvaluationConfig(**evaluation)  # type: ignore[arg-type]
    return _Settings(_complete(request.kind, shares, device), words, model, config, measuring, task)


def _complete(kind: str, shares: Sequence[Mapping[str, Value]], device: torch.device) -> dict[str, Value]:
    """All settings, the defaults among them, and the precision that auto comes to."""
    settings = complete(shares, CONFIGURATIONS[kind])
    if "precision" not in settings:
        return settings
    in_bfloat16 = trains_in_bfloat16(str(settings["precision"]), device)
    return {**settings, "precision": "bfloat16" if in_bfloat16 else "float32"}


def all_settings(recipe: str, device: str, assignments: Sequence[str] = ()) -> dict[str, Value]:
    """Every setting of a run of a recipe, less what its base was made with."""
    known = load_recipe(recipe)
    settings: dict[str, Value] = {**known.settings, **parse_assignments(assignments)}
    if known.base:
        base = all_settings(known.base, device)
        inherited = (*(field.name for field in fields(VocabularyConfig)), *SIZES[known.kind])
        settings |= {name: base[name] for name in inherited}
    return _complete(known.kind, distribute(settings, CONFIGURATIONS[known.kind]), choose_device(device))


def languages_of(request: Request, recipe: Recipe) -> tuple[str, ...]:
    languages = tuple(language.lower() for language in request.languages or recipe.languages)
    if not languages:
        raise DataError("say what language the text is in, such as --language en")
    if request.kind == "translator" and len(languages) != 2:
        raise DataError("a translator needs two languages: --languages SOURCE,TARGET")
    return languages


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
    tokenizer = tokenizer or train_tokenizer(usable(all_rows(train), texts), texts, words)
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


def sources_of(request: Request, names: tuple[str, ...], option: str) -> list[Source]:
    if not names:
        raise DataError(f"no data: give --{option} FILE, or --recipe")
    split = {"train": "train", "valid": "validation"}[option]
    usual = (COLUMNS[request.kind], TSV_COLUMNS[request.kind])
    return [parse_source(name, request.root, *usual, split) for name in names]


def _start(request: Request, device: torch.device) -> Checkpoint | None:
    """Raises ConfigError where what --from names is no language model."""
    if request.start is None:
        return None
    start = checkpoint.load(request.start, device)
    if not isinstance(start.model, LanguageModel):
        raise ConfigError(f"--from {request.start}: a {start.kind}; training starts from a language model")
    return start


def train_tokenizer(rows: Iterator[Row], texts: int, config: VocabularyConfig) -> Tokenizer:
    lines = (text for row in rows for text in row[:texts])
    return TOKENIZERS[config.tokenizer].train(lines, config.vocabulary_size, config.lowercase)


def _language(material: _Material) -> Task[Any, Any]:
    tokenizer = material.tokenizer
    model = LanguageModel(LanguageModelConfig(tokenizer.size, **material.settings.model))
    if material.start:
        go_on(material.start, model)
    valid = [text for (text,) in material.valid]
    config = LanguageTaskConfig(**material.settings.task)
    task = WindowTask if config.window else LanguageTask
    return task(model, tokenizer, material.corpus.columns[0].values, valid, config, material.settings.training.seed)


def _classifier(material: _Material) -> Task[Any, Any]:
    labels = material.corpus.label_names
    if len(labels) < 2:
        raise DataError(f"all training texts have the label {labels[0]!r}; a classifier needs two or more")
    valid = [(text, label.strip()) for text, label in material.valid]
    unknown = sorted({label for _, label in valid} - set(labels))
    if unknown:
        raise DataError(f"the validation data has the label {unknown[0]!r}, which no training text has")
    model = Classifier(ClassifierConfig(material.tokenizer.size, labels, **material.settings.model))
    if material.start:
        transfer(material.start, model)
    config = ClassificationTaskConfig(**material.settings.task)
    (texts,) = material.corpus.columns
    return ClassificationTask(
        model, material.tokenizer, texts, material.corpus.labels, valid, config, material.settings.training.seed
    )


def _translator(material: _Material) -> Task[Any, Any]:
    first, second = material.languages
    directions = ((first, second), *(() if material.one_way else ((second, first),)))
    tokenizer = material.tokenizer
    model = Translator(TranslatorConfig(tokenizer.size, (first, second), directions, **material.settings.model))
    valid = [(row[0], row[1]) for row in material.valid]
    config = TranslationTaskConfig(**material.settings.task)
    tokenize = material.settings.measuring.bleu_tokenize
    return TranslationTask(
        model, tokenizer, material.corpus.columns, valid, config, material.settings.training.seed, tokenize
    )


_BUILDERS: dict[str, Callable[[_Material], Task[Any, Any]]] = {
    "language": _language,
    "classifier": _classifier,
    "translator": _translator,
}
