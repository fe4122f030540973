"""From a request on the command line to a trainer, its tokenizer, and the way to measure the result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models.checkpoint import Model
from models.classifier import Classifier, ClassifierConfig
from models.device import choose_device
from models.errors import DataError
from models.language_model import LanguageModel, LanguageModelConfig
from models.tokenizer import SubwordTokenizer, Tokenizer, WordTokenizer
from models.training.classification import ClassificationTask, ClassificationTaskConfig
from models.training.evaluate import evaluate_sources
from models.training.language import LanguageTask, LanguageTaskConfig
from models.training.loop import Trainer, TrainingConfig
from models.training.options import Value, distribute, parse_assignments
from models.training.recipes import RECIPES, Recipe
from models.training.session import Run
from models.training.sources import Source
from models.training.translation import TranslationTask, TranslationTaskConfig
from models.translator import Translator, TranslatorConfig

COLUMNS = {"language": ("text",), "classifier": ("text", "label"), "translator": ("source", "target")}
TSV_COLUMNS = {**COLUMNS, "language": ("1",), "translator": ("1", "2")}


@dataclass(frozen=True)
class VocabularyConfig:
    """How the tokenizer is made."""

    vocabulary_size: int = 8000
    tokenizer: str = "subword"
    """subword (SentencePiece) or word (between white space, with <unk>)."""
    lowercase: str = ""
    """en or tr: lower letters before anything else, as that language does."""


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
    device: str = "auto"
    command: str = ""


@dataclass(frozen=True)
class Plan:
    """All that a session needs to run."""

    run: Run
    trainer: Trainer[Any]
    tokenizer: Tokenizer
    evaluate: Callable[[Model], dict[str, Any]]


def plan(request: Request) -> Plan:
    """Read the data, make tokenizer, model and trainer. Raises ModelError for anything unusable."""
    recipe = _recipe(request)
    settings: dict[str, Value] = {**recipe.settings, **parse_assignments(request.assignments)}
    train = _sources(request, request.train or recipe.train, "--train")
    valid = _sources(request, request.valid or recipe.valid, "--valid")
    languages = tuple(language.lower() for language in request.languages or recipe.languages)
    if not languages:
        raise DataError("say what language the text is in, such as --language en")
    material = _Material(
        _rows(train), _rows(valid), languages, settings, choose_device(request.device), request.one_way
    )
    trainer, tokenizer = _BUILDERS[request.kind](material)
    run = Run(
        output=request.output,
        languages=languages,
        command=request.command,
        settings=settings,
        data={"train": [source.describe() for source in train], "valid": [source.describe() for source in valid]},
        data_note=recipe.data_note,
        limits=recipe.limits,
        one_way=request.one_way,
    )
    return Plan(run, trainer, tokenizer, lambda model: evaluate_sources(model, tokenizer, valid, train))


def _recipe(request: Request) -> Recipe:
    if not request.recipe:
        return Recipe(request.kind, (), (), ())
    recipe = RECIPES.get(request.recipe)
    if recipe is None or recipe.kind != request.kind:
        known = ", ".join(name for name, recipe in RECIPES.items() if recipe.kind == request.kind)
        raise DataError(f"no recipe {request.recipe!r} for a {request.kind}; there are {known}")
    return recipe


def _sources(request: Request, names: tuple[str, ...], option: str) -> list[Source]:
    if not names:
        raise DataError(f"no data: give {option} FILE, or --recipe")
    return [Source.parse(name, request.root, COLUMNS[request.kind], TSV_COLUMNS[request.kind]) for name in names]


def _rows(sources: list[Source]) -> list[tuple[str, ...]]:
    return [row for source in sources for row in source.rows()]


def _tokenizer(texts: list[str], settings: Mapping[str, Value]) -> Tokenizer:
    config = VocabularyConfig(**settings)  # type: ignore[arg-type]
    classes: dict[str, type[SubwordTokenizer] | type[WordTokenizer]] = {
        "subword": SubwordTokenizer,
        "word": WordTokenizer,
    }
    if config.tokenizer not in classes:
        raise DataError(f"setting tokenizer is {config.tokenizer!r}; it must be {' or '.join(classes)}")
    if config.lowercase not in ("", "en", "tr"):
        raise DataError(f"setting lowercase is {config.lowercase!r}; it must be en, tr or empty")
    return classes[config.tokenizer].train(texts, config.vocabulary_size, config.lowercase)


@dataclass(frozen=True)
class _Material:
    """What a builder builds from."""

    train: list[tuple[str, ...]]
    valid: list[tuple[str, ...]]
    languages: tuple[str, ...]
    settings: dict[str, Value]
    device: torch.device
    one_way: bool


def _language(material: _Material) -> tuple[Trainer[Any], Tokenizer]:
    vocabulary, model_settings, training, task_settings = distribute(
        material.settings, (VocabularyConfig, LanguageModelConfig, TrainingConfig, LanguageTaskConfig)
    )
    config = TrainingConfig(**training)  # type: ignore[arg-type]
    train, valid = ([text for (text,) in rows if text.strip()] for rows in (material.train, material.valid))
    tokenizer = _tokenizer(train, vocabulary)
    torch.manual_seed(config.seed)
    model = LanguageModel(LanguageModelConfig(tokenizer.size, **model_settings))  # type: ignore[arg-type]
    task = LanguageTask(model, tokenizer, train, valid, LanguageTaskConfig(**task_settings))  # type: ignore[arg-type]
    return Trainer(task, config, material.device), tokenizer


def _classifier(material: _Material) -> tuple[Trainer[Any], Tokenizer]:
    vocabulary, model_settings, training, task_settings = distribute(
        material.settings, (VocabularyConfig, ClassifierConfig, TrainingConfig, ClassificationTaskConfig)
    )
    train, valid = ([(row[0], row[1].strip()) for row in rows] for rows in (material.train, material.valid))
    labels = tuple(sorted({label for _, label in train}))
    if len(labels) < 2:
        raise DataError(f"all training texts have the label {labels[0]!r}; a classifier needs two or more")
    unknown = sorted({label for _, label in valid} - set(labels))
    if unknown:
        raise DataError(f"the validation data has the label {unknown[0]!r}, which no training text has")
    config = TrainingConfig(**training)  # type: ignore[arg-type]
    tokenizer = _tokenizer([text for text, _ in train], vocabulary)
    torch.manual_seed(config.seed)
    model = Classifier(ClassifierConfig(tokenizer.size, labels, **model_settings))  # type: ignore[arg-type]
    task_config = ClassificationTaskConfig(**task_settings)  # type: ignore[arg-type]
    task = ClassificationTask(model, tokenizer, train, valid, task_config, config.seed)
    return Trainer(task, config, material.device), tokenizer


def _translator(material: _Material) -> tuple[Trainer[Any], Tokenizer]:
    languages = material.languages
    if len(languages) != 2:
        raise DataError("a translator needs two languages: --languages SOURCE,TARGET")
    vocabulary, model_settings, training, task_settings = distribute(
        material.settings, (VocabularyConfig, TranslatorConfig, TrainingConfig, TranslationTaskConfig)
    )
    directions = ((languages[0], languages[1]), *(() if material.one_way else ((languages[1], languages[0]),)))
    config = TrainingConfig(**training)  # type: ignore[arg-type]
    train, valid = (
        [(row[0], row[1]) for row in rows if row[0].strip() and row[1].strip()]
        for rows in (material.train, material.valid)
    )
    tokenizer = _tokenizer([text for pair in train for text in pair], vocabulary)
    torch.manual_seed(config.seed)
    model = Translator(TranslatorConfig(tokenizer.size, languages, directions, **model_settings))  # type: ignore[arg-type]
    task_config = TranslationTaskConfig(**task_settings)  # type: ignore[arg-type]
    task = TranslationTask(model, tokenizer, train, valid, task_config, config.seed)
    return Trainer(task, config, material.device), tokenizer


_BUILDERS = {"language": _language, "classifier": _classifier, "translator": _translator}
