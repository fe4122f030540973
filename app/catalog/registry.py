"""The served models, and the choice of one for a request."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch

from app.catalog.defaults import Default, choose_defaults, use_of, uses_of
from app.catalog.detection import Detected, detect, text_fields
from app.errors import Conflict, ModelNotFound, NoModel
from models.checkpoint import Checkpoint
from models.decoding.word_pieces import Vocabulary
from models.kinds import AnyRuntime, kind_of
from models.text.tokenizers import Tokenizer

NAMES = {"language": "a language model", "image": "a model that draws", "speaker": "a model that speaks"}
"""What models of a task are called, where its name does not say it."""


@dataclass(frozen=True, eq=False)
class Served:
    """A checkpoint and its runtime; for a language model, its vocabulary as pieces of words too."""

    checkpoint: Checkpoint
    runtime: AnyRuntime
    vocabulary: Vocabulary | None = None

    @property
    def name(self) -> str:
        return self.checkpoint.name

    @property
    def kind(self) -> str:
        return self.checkpoint.kind

    @property
    def task(self) -> str:
        """What it answers: an n-gram predicts text as a language model does."""
        return kind_of(self.checkpoint.model).task

    @property
    def languages(self) -> tuple[str, ...]:
        return self.checkpoint.languages

    @property
    def tokenizer(self) -> Tokenizer:
        return self.checkpoint.tokenizer

    @property
    def directions(self) -> tuple[tuple[str, str], ...]:
        """Of a translator, (source, target)."""
        return tuple(self.checkpoint.model.config.directions) if self.task == "translator" else ()

    @property
    def default(self) -> bool:
        return self.checkpoint.default


def serve(loaded: Checkpoint, precision: str, threads: int = 0) -> Served:
    """Make the runtime of a checkpoint, in a precision that `choose_precision` gave; threads are for int8."""
    kind = kind_of(loaded.model)
    vocabulary = Vocabulary(loaded.tokenizer, loaded.known_words) if kind.task == "language" else None
    return Served(loaded, kind.runtime(loaded.model, precision, threads), vocabulary)


class Registry:
    """Loaded models by name. It chooses; it never computes with them.

    named are the defaults of CAROUSEL_DEFAULTS; refused are checkpoints that can't be trusted, by name, and why.
    """

    def __init__(
        self,
        models: Iterable[Served],
        device: torch.device,
        named: Mapping[str, str] | None = None,
        refused: Mapping[str, str] | None = None,
    ) -> None:
        self.device, self._named = device, dict(named or {})
        self.replace(models, refused or {})

    def replace(self, models: Iterable[Served], refused: Mapping[str, str]) -> None:
        """Serve these models, for requests that are resolved from now on."""
        self.models = {served.name: served for served in models}
        self.refused = dict(refused)
        self.defaults: dict[str, Default] = choose_defaults(self.models.values(), self._named)

    def swap(self, served: Served) -> None:
        """Replace the model of that name, for requests that are resolved from now on."""
        self.replace({**self.models, served.name: served}.values(), self.refused)

    def default_uses(self, served: Served) -> list[str]:
        """What a model answers where a request names none."""
        return [use for use in uses_of(served) if self.defaults[use].model == served.name]

    def _default(self, task: str, language: str) -> Served:
        return self.models[self.defaults[use_of(task, language)].model]

    def get(self, name: str, among: Iterable[Served] | None = None) -> Served:
        """Raise ModelNotFound where there is none of that name; it lists those that could be meant, by default all."""
        if name not in self.models:
            known = [served.name for served in (self.models.values() if among is None else among)]
            raise ModelNotFound(f"no such model; there are {', '.join(known) or 'none'}", "model")
        return self.models[name]

    def get_among(self, name: str, tasks: Collection[str]) -> Served:
        """As `get`, for a route that only models of some tasks can answer: the error lists those."""
        return self.get(name, [served for served in self.models.values() if served.task in tasks])

    def for_task(self, task: str, name: str | None) -> list[Served]:
        """The named model, or all that do a task. Raises ModelNotFound, also where it does another, and NoModel."""
        models = [loaded for loaded in self.models.values() if loaded.task == task]
        if name is not None:
            loaded = self.get(name, models)
            if loaded.task != task:
                needed = NAMES.get(task, f"a {task}")
                raise ModelNotFound(f"the model is of the kind {loaded.kind}; this needs {needed}", "model")
            return [loaded]
        models.sort(key=lambda loaded: loaded.kind != task)  # other kinds that do the task, such as n-grams, come last
        if not models:
            raise NoModel(f"no model of the kind {task} is loaded", "model")
        return models

    def for_use(self, task: str, name: str | None) -> Served:
        """The named model, or the default of a task of WITHOUT_LANGUAGE. Raises ModelNotFound or NoModel."""
        models = self.for_task(task, name)
        return models[0] if name is not None else self._default(task, "")

    def for_text(self, task: str, name: str | None, text: str, language: str | None = None) -> Served:
        """As `for_texts`, for one text."""
        (served,) = self.for_texts(task, name, text, language)
        return served

    def for_texts(
        self, task: str, name: str | None, texts: str | Sequence[str], language: str | None = None
    ) -> list[Served]:
        """For each text, the named model, or the default of the task and the text's language.

        Without a name or a language, that is detected. Raises ModelNotFound, and NoModel where no model has a text's
        language.
        """
        models = self.for_task(task, name)
        languages = list(dict.fromkeys(known for served in models for known in served.languages))
        if language is not None and language not in languages:
            known = ", ".join(sorted(languages)) or "none"
            raise NoModel(f"no model for that language; the languages are: {known}", "language")
        fields = text_fields(texts)
        if name is not None:
            return [models[0] for _ in fields]
        if not languages:
            return [self._default(task, "") for _ in fields]
        detected = [language or detect(text, languages, field).language for field, text in fields]
        return [self._default(task, one) for one in detected]

    def for_picture(self, name: str | None, language: str | None) -> tuple[Served, str]:
        """The named captioner, or the default of a language, and the language: by default, the first that there is.

        Raises ModelNotFound and NoModel.
        """
        models = self.for_task("captioner", name)
        languages = list(dict.fromkeys(known for served in models for known in served.languages))
        if language is not None and language not in languages:
            raise NoModel(f"no model for that language; the languages are: {', '.join(languages)}", "language")
        chosen = language or languages[0]
        return (models[0] if name is not None else self._default("captioner", chosen)), chosen

    def for_inspection(self, name: str | None, text: str) -> Served:
        """The named model, a language model or a classifier, or the default for the text's language."""
        with_gates = [served for served in self.models.values() if kind_of(served.checkpoint.model).gates]
        loaded = self.get(name, with_gates) if name else self.for_text("language", None, text)
        model = loaded.checkpoint.model
        if not kind_of(model).gates:
            detail = f"the model is of the kind {loaded.kind}; this needs a language model or a classifier"
            raise ModelNotFound(detail, "model")
        return loaded

    def for_prompt(self, name: str | None, text: str, state_model: str | None, language: str | None = None) -> Served:
        """The model that the state is of, if there is one; else the named one, or the default for the text's language.

        Raises Conflict where the state's model is another one, or not for that language.
        """
        if state_model is None:
            return self.for_text("language", name, text, language)
        if name not in (None, state_model):
            raise Conflict(f"the state is of the model {state_model}", "model")
        served = self.get(state_model)
        if language is not None and language not in served.languages:
            raise Conflict(f"the state is of the model {state_model}, which is not for that language", "language")
        return served

    def directions(self) -> list[tuple[str, str]]:
        """All directions (source, target) that some model translates."""
        translators = [served for served in self.models.values() if served.task == "translator"]
        return [pair for served in translators for pair in served.directions]

    def for_translation(
        self, name: str | None, texts: str | Sequence[str], source: str, target: str | None
    ) -> list["ChosenDirection"]:
        """`choose_directions` among the named model, or the default of each direction."""
        models = self.for_task("translator", name)
        pairs = {pair for served in models for pair in served.directions}
        defaults = {} if name else {pair: self._default("translator", "-".join(pair)) for pair in pairs}
        return choose_directions(models, texts, source, target, defaults)


@dataclass(frozen=True)
class ChosenDirection:
    """What a text is translated by, from, and to. One that is in the target language already is left unchanged."""

    served: Served
    source: Detected
    target: str

    @property
    def unchanged(self) -> bool:
        return self.source.language == self.target


def choose_directions(
    models: Sequence[Served],
    texts: str | Sequence[str],
    source: str,
    target: str | None,
    defaults: Mapping[tuple[str, str], Served] | None = None,
) -> list[ChosenDirection]:
    """For each text its languages, and the default of some translators for them, or the first.

    A source of "auto" is detected. Without a target, there must be only one for each text's language. Raises NoModel
    where no model has the direction, other than from a target language to itself.
    """
    by_direction: dict[tuple[str, str], Served] = {}
    for served in models:
        for origin, goal in served.directions:
            by_direction.setdefault((origin, goal), served)
            by_direction.setdefault((goal, goal), served)
    by_direction |= defaults or {}
    sources = list(dict.fromkeys(origin for origin, goal in by_direction if target in (None, goal) and origin != goal))
    if not sources:
        known = ", ".join(sorted({goal for _, goal in by_direction}))
        raise NoModel(f"no model translates to that language; there are {known}", "target")
    if source not in ("auto", *sources) and source != target:
        raise NoModel(f"no model translates from that language; there are {', '.join(sources)}", "source")
    # the target too, so that a text in it already is recognized
    among = [*sources, target] if target else sources
    directions = []
    for field, text in text_fields(texts):
        detected = detect(text, among, field) if source == "auto" else Detected(source, 1.0)
        goal = target or _only_target(by_direction, detected.language)
        directions.append(ChosenDirection(by_direction[detected.language, goal], detected, goal))
    return directions


def _only_target(directions: Iterable[tuple[str, str]], source: str) -> str:
    """The one language into which a source is translated. Raises NoModel where there are several."""
    targets = sorted(goal for origin, goal in directions if origin == source != goal)
    if len(targets) > 1:
        raise NoModel(f"name a language to translate to; there are {', '.join(targets)}", "target")
    return targets[0]
