"""From a request on the command line to data, tokenizer and task."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from rich.console import Console

from models import checkpoint
from models.checkpoint import Checkpoint
from models.config import current_names
from models.device import choose_device, trains_in_bfloat16
from models.errors import ConfigError, DataError
from models.kinds import KINDS, Kind, kind_named
from models.model import Model
from models.networks.translator import Translator
from models.tables.lines import TextFormat
from models.text.tokenizers import Tokenizer
from trainer.data.corpus import Corpus, usable
from trainer.data.files import UTF8, Row
from trainer.data.holdout import HoldOut
from trainer.data.pairs import PairConfig, PairRows
from trainer.data.report import DataReport
from trainer.data.skipped import Skipped
from trainer.data.sources import FileSource, Relabelled, Source, all_rows, describe, parse_source
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.evaluate import evaluate_sources
from trainer.loop.distributed import World
from trainer.loop.optimization import TrainingConfig
from trainer.loop.trainer import Task
from trainer.pipeline.distillation import DistillationConfig, distil, load_teachers, open_distilled
from trainer.pipeline.options import Value, complete, distribute, parse_assignments
from trainer.pipeline.preparing import nothing_left, prepare, train_tokenizer, usable_rows
from trainer.pipeline.session import Run, work_folder
from trainer.recipes import Recipe, load_recipe, recipe_names
from trainer.tasks.configs import VocabularyConfig
from trainer.tasks.sizing import DataSize
from trainer.tasks.training import Fit, Material, Settings, Training

_PREPARING = (*(field.name for config in (VocabularyConfig, PairConfig) for field in fields(config)), "titles")
"""The settings that decide what a corpus has in it."""
PAIR_SEED = 1
"""Not the run's: models of several seeds have one vocabulary, so that they can teach together."""


@dataclass(frozen=True)
class Request:
    """A training run as the command line describes it."""

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
    """The checkpoint to initialise from."""
    labelled: Path | None = None
    """Texts with labels from other models, additional training data."""
    teachers: tuple[Path, ...] = ()
    """Translators from whose translations of the training pairs a translator learns."""
    device: str = "auto"
    form: TextFormat = UTF8
    """Of files of text."""
    automatic: bool = True
    """Whether settings that nobody set depend on the size of the data; those of a recipe never do."""
    note: str = ""
    """The card's note on the data, where no recipe has one."""
    command: str = ""


@dataclass(frozen=True)
class Plan:
    """All that a session needs to run. report is None where the data were prepared before."""

    run: Run
    task: Task[Any, Any] | Fit
    training: TrainingConfig | None
    """Of a task that is trained in steps."""
    device: torch.device
    tokenizer: Tokenizer
    measured: Sequence[Source]
    """The validation data, and what else the finished model is measured on."""
    train: Sequence[Source]
    measuring: EvaluationConfig
    report: DataReport | None
    sized: Mapping[str, Value]
    """The settings that were chosen by the size of the data."""

    def evaluate(self, model: Model) -> dict[str, Any]:
        """Scores of the finished model, for metrics.json."""
        return evaluate_sources(
            model, self.tokenizer, self.measured, self.measuring, self.train, known=self.run.known_words
        )


def plan(request: Request, world: World, resume: bool = False) -> Plan:
    """Read the data, make the tokenizer and the task. Raises ModelError for anything unusable.

    A corpus is used again where an earlier run prepared it from the same data with the same vocabulary.
    """
    kind, recipe = kind_named(request.kind), find_recipe(request)
    training: Training = kind.load_training()
    device = choose_device("cpu" if kind.counted else request.device)
    start = _start(request, training, device)
    _settings(kind, training, request, recipe, start, device)  # a wrong one is named before any data are read
    languages = languages_of(request, recipe)
    data = _find_data(request, recipe, kind)
    rows, valid_rows = partial(usable_rows, data.train, kind), data.valid_rows
    sized = _sizes(request, training, rows, kind)
    settings = _settings(kind, training, request, recipe, start, device, sized)
    teachers = _teachers(request, settings, device)
    symbols: tuple[str, ...] = ()
    unchanged = rows if training.pairs else None
    if training.pairs:
        changes = PairRows(settings.make(PairConfig), languages, PAIR_SEED)
        rows, symbols, valid_rows = partial(changes.train, data.train), changes.symbols, changes.valid(valid_rows)
    if training.rows:
        change = training.rows(settings, rows())
        rows, valid_rows = partial(_changed, change, rows), list(change(valid_rows))
    one_way = request.one_way or recipe.one_way
    identity: dict[str, Any] = {
        "kind": request.kind,
        "settings": settings.everything,
        "languages": languages,
        "one_way": one_way,
        "data": {"train": describe(data.train), "valid": describe(data.valid)},
        "start": {"name": start.name, "version": start.version} if start else {},
        "teachers": [teacher.version for teacher in teachers],
    }
    folder = work_folder(request.output) / "corpus"
    known = start.tokenizer if start else teachers[0].tokenizer if teachers else None
    words = settings.make(training.configurations[0])
    tokenize = partial(train_tokenizer, texts=kind.text_columns, config=words, symbols=symbols)
    preparing = partial(
        prepare, kind, training, folder, rows, valid_rows, known or tokenize, identity, data.skipped, unchanged
    )
    before = partial(Corpus.is_whole, folder) if resume else partial(Corpus.adopt, folder, identity, _PREPARING, known)
    report = world.decide(lambda: None if before() else preparing())
    corpus, tokenizer = Corpus.open(folder, kind.text_columns, identity)
    taught = _distilled(recipe, teachers, folder, tokenizer, corpus, world) if teachers else {}
    torch.manual_seed(settings.seed)
    start_model = start.model if start else None
    sources = (data.train, data.valid)
    material = Material(settings, languages, one_way, tokenizer, corpus, valid_rows, sources, start_model, **taught)
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
        labels=recipe.labels,
        known_words=corpus.known_words,
    )
    loop = settings.make(TrainingConfig) if TrainingConfig in settings.shares else None
    return Plan(
        run, training.build(material), loop, device, tokenizer, [*data.valid, *data.measured], data.train,
        settings.make(EvaluationConfig), report, {name: settings.everything[name] for name in settings.sized},
    )  # fmt: skip


@dataclass(frozen=True)
class _Data:
    """The sources of a run."""

    train: list[Source]
    valid: list[Source]
    measured: list[Source]
    """What the finished model is measured on beside the validation data."""
    valid_rows: list[Row]
    skipped: Skipped
    """Of the validation data."""


def _find_data(request: Request, recipe: Recipe, kind: Kind) -> _Data:
    """Where no validation data are named, a part of the training data is held out."""
    train = sources_of(request, request.train or recipe.train, "train", recipe.labels)
    if request.valid or recipe.valid:
        valid = sources_of(request, request.valid or recipe.valid, "valid", recipe.labels)
    else:
        split = HoldOut(train, kind.text_columns)
        train, valid = [split.train], [split.valid]
    if request.labelled:
        train.append(FileSource(request.labelled.name, (request.labelled,), kind.columns))
    measured = () if request.valid else recipe.measured
    others = sources_of(request, measured, "valid", recipe.labels) if measured else []
    skipped = Skipped()
    valid_rows = list(usable(all_rows(valid, skipped), kind.text_columns))
    if not valid_rows:
        raise DataError(nothing_left("validation", skipped))
    return _Data(train, valid, others, valid_rows, skipped)


def _changed(
    change: Callable[[Iterable[Row]], Iterator[Row]], rows: Callable[..., Iterator[Row]], skipped: Skipped | None = None
) -> Iterator[Row]:
    return change(rows(skipped=skipped))


def _sizes(request: Request, training: Training, rows: Callable[[], Iterator[Row]], kind: Kind) -> Mapping[str, Value]:
    """Settings by the size of the training data; none for a recipe, whose settings are for its own data."""
    if not training.sized or not request.automatic or request.recipe:
        return {}
    return training.sized(DataSize.of(rows(), kind.text_columns))


def _teachers(request: Request, settings: Settings, device: torch.device) -> list[Checkpoint]:
    """Raises ConfigError where a student would have another vocabulary than its teachers."""
    teachers = load_teachers(request.teachers, device)
    for teacher in teachers:
        for name in (field.name for field in fields(VocabularyConfig)):
            own, other = settings.everything[name], teacher.training.get("settings", {}).get(name)
            if own != other:
                raise ConfigError(f"setting {name} is {own!r}, and that of the teacher {teacher.name} {other!r}")
    return teachers


def _distilled(
    recipe: Recipe, teachers: Sequence[Checkpoint], folder: Path, tokenizer: Tokenizer, corpus: Corpus, world: World
) -> dict[str, Any]:
    """The teachers' translations of a corpus, which are kept beside it, as Material has them."""
    config = DistillationConfig(**{name: value for name, value in recipe.distillation.items() if name != "teachers"})
    line = world.decide(lambda: distil(folder, teachers, tokenizer, corpus.columns, config))
    Console(quiet=not world.is_first).print(line, markup=False, highlight=False)
    model = teachers[0].model
    assert isinstance(model, Translator)
    return {"distilled": open_distilled(folder, len(model.config.directions)), "originals": config.originals}


def _settings(
    kind: Kind,
    training: Training,
    request: Request,
    recipe: Recipe,
    start: Checkpoint | None,
    device: torch.device,
    sized: Mapping[str, Value] = MappingProxyType({}),
) -> Settings:
    """The settings of recipe, command line and pre-trained model, and those by the size of the data for the rest.

    Raises ConfigError where they conflict.
    """
    assigned: dict[str, Value] = {**recipe.settings, **parse_assignments(request.assignments)}
    decided = set(current_names(assigned, training.configurations, warn=False))
    if start:
        decided |= {*(field.name for field in fields(VocabularyConfig)), *training.inherited}
    if assigned.get("tokenizer", "subword") != "subword":
        decided.add("vocabulary_size")  # sizes are of subwords
    chosen = {name: value for name, value in sized.items() if name not in decided}
    assigned |= chosen
    shares = dict(zip(training.configurations, distribute(assigned, training.configurations), strict=True))
    if TrainingConfig in shares:
        loop = TrainingConfig(**shares[TrainingConfig])  # type: ignore[arg-type]
        if not training.per_layer_rates and (loop.layer_rate_decay != 1 or loop.unfreeze_epochs):
            raise ConfigError("layer_rate_decay and unfreeze_epochs are for classifiers")
    if start:
        vocabulary = shares[training.configurations[0]]
        if vocabulary:
            raise ConfigError(f"setting {next(iter(vocabulary))} is decided by the model of --from")
        known = start.tokenizer
        vocabulary |= {
            "vocabulary_size": known.size,
            "tokenizer": known.kind,
            "lowercase": known.lowercase,
            "emoji": known.emoji,
        }
        shares[kind.config] = training.inherit(start.model, shares[kind.config])
        if PairConfig in shares:
            has_symbols = bool(known.symbol_ids)
            if shares[PairConfig].setdefault("symbols", has_symbols) != has_symbols:
                raise ConfigError(f"setting symbols is decided by the model of --from, whose is {has_symbols}")
    return Settings(_complete(training, list(shares.values()), device), shares, tuple(chosen))


def _complete(training: Training, shares: Sequence[Mapping[str, Value]], device: torch.device) -> dict[str, Value]:
    """All settings, including defaults, with `auto` resolved to a precision."""
    settings = complete(shares, training.configurations)
    if "precision" not in settings:
        return settings
    in_bfloat16 = trains_in_bfloat16(str(settings["precision"]), device)
    return {**settings, "precision": "bfloat16" if in_bfloat16 else "float32"}


def all_settings(recipe: str, device: str, assignments: Sequence[str] = ()) -> dict[str, Value]:
    """All settings of a recipe's run; those of its base where it inherits them."""
    known = load_recipe(recipe)
    training: Training = kind_named(known.kind).load_training()
    settings: dict[str, Value] = {**known.settings, **parse_assignments(assignments)}
    if known.base:
        base = all_settings(known.base, device)
        inherited = (*(field.name for field in fields(VocabularyConfig)), *training.inherited)
        settings |= {name: base[name] for name in inherited}
    return _complete(training, distribute(settings, training.configurations), choose_device(device))


def languages_of(request: Request, recipe: Recipe) -> tuple[str, ...]:
    languages = tuple(language.lower() for language in request.languages or recipe.languages)
    training: Training = kind_named(request.kind).load_training()
    if not languages:
        raise DataError("say what language the text is in, such as --language en")
    if training.pairs and len(languages) != 2:
        raise DataError("a translator needs two languages: --languages SOURCE,TARGET")
    return languages


def find_recipe(request: Request) -> Recipe:
    """The recipe that a request names; an empty one where it names none. Raises DataError for an unknown one."""
    if not request.recipe:
        return Recipe(request.kind)
    known = recipe_names(request.kind)
    if request.recipe not in known:
        raise DataError(f"no recipe {request.recipe!r} for a {request.kind}; there are {', '.join(known)}")
    return load_recipe(request.recipe)


def sources_of(request: Request, names: tuple[str, ...], option: str, labels: Mapping[str, str]) -> list[Source]:
    if not names:
        raise DataError(f"no data: give --{option} FILE, or --recipe")
    kind, split = kind_named(request.kind), {"train": "train", "valid": "validation"}[option]
    sources = [parse_source(name, request.root, kind.columns, kind.tsv_columns, split, request.form) for name in names]
    return [Relabelled(source, labels) for source in sources] if labels else sources


def _start(request: Request, training: Training, device: torch.device) -> Checkpoint | None:
    """Raises ConfigError where --from names a model that this kind can't be initialised from."""
    if request.start is None:
        return None
    start = checkpoint.load(request.start, device)
    if not isinstance(start.model, training.start):
        needed = " or ".join(f"a {kind.name} model" for kind in KINDS.values() if kind.model in training.start)
        raise ConfigError(f"--from {request.start}: a {start.kind}; training starts from {needed}")
    return start
