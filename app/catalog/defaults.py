"""Which model answers where a request names none: one rule, at the start and at each reload, and for the shell.

For each use, such as classify:tr, it is the first of these that there is:

1. the model that CAROUSEL_DEFAULTS names for it;
2. one that is marked as a default in its config.json (`carousel default NAME`);
3. one that is trained, before those that are counted, such as n-grams;
4. the first of the list: by name, or in the order of CAROUSEL_MODELS.

No PyTorch here: `carousel models` asks too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from app.errors import ServiceError
from models.tasks import WITHOUT_LANGUAGE

USES = {
    "language": "generate",
    "classifier": "classify",
    "translator": "translate",
    "captioner": "describe",
    "recognizer": "transcribe",
    "speaker": "speak",
    "summarizer": "summarize",
    "image": "draw",
}
"""What a task is called in a use; generate is /next-word-probs and /inspect too."""

ChosenBy = Literal["setting", "checkpoint", "only", "order"]


class Candidate(Protocol):
    """A served model, or what `models.peek` knows of one."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def languages(self) -> Sequence[str]: ...
    @property
    def directions(self) -> Sequence[tuple[str, str]]: ...
    @property
    def default(self) -> bool: ...


CandidateT = TypeVar("CandidateT", bound=Candidate)


@dataclass(frozen=True)
class Default:
    """The model of a use, why it is that one, and the others that could answer."""

    use: str
    model: str
    chosen_by: ChosenBy
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        why = {
            "setting": "CAROUSEL_DEFAULTS",
            "checkpoint": "marked as a default",
            "only": "the only one",
            "order": f"the first of several: {', '.join(self.others)} could answer too",
        }
        return f"{self.use}: {self.model} ({why[self.chosen_by]})"


def use_of(task: str, language: str = "") -> str:
    """A use's name: classify:tr; of a translator the language is a direction, such as en-tr."""
    return ":".join(filter(None, [USES.get(task, task), language]))


def uses_of(model: Candidate) -> list[str]:
    """What a model can answer; a model without languages, or whose task needs none, has one use without."""
    if model.task in WITHOUT_LANGUAGE:
        return [use_of(model.task)]
    if model.directions:
        return [use_of(model.task, f"{source}-{target}") for source, target in model.directions]
    return [use_of(model.task, language) for language in model.languages or ("",)]


def choose_defaults(models: Iterable[Candidate], named: Mapping[str, str]) -> dict[str, Default]:
    """The default of each use that some model has; named is CAROUSEL_DEFAULTS, a use or a task's name to a model."""
    candidates: dict[str, list[Candidate]] = {}
    for model in models:
        for use in uses_of(model):
            candidates.setdefault(use, []).append(model)
    return {use: _choose(use, several, named) for use, several in candidates.items()}


def _choose(use: str, candidates: Sequence[Candidate], named: Mapping[str, str]) -> Default:
    by_name = {model.name: model for model in candidates}
    name = next((named[key] for key in (use, use.split(":", maxsplit=1)[0]) if named.get(key) in by_name), None)
    if name is not None:
        return _default(use, name, "setting", candidates)
    marked = [model for model in candidates if model.default]
    trained = [model for model in candidates if model.kind == model.task]
    best = marked or trained or candidates
    if len(best) > 1:
        return _default(use, best[0].name, "order", candidates)
    return _default(use, best[0].name, "checkpoint" if marked else "only", candidates)


def _default(use: str, name: str, chosen_by: ChosenBy, candidates: Sequence[Candidate]) -> Default:
    return Default(use, name, chosen_by, tuple(model.name for model in candidates if model.name != name))


def check_named(models: Iterable[Candidate], named: Mapping[str, str], known: Iterable[str] = ()) -> None:
    """Raise ServiceError where CAROUSEL_DEFAULTS names a model that is not there, or that can't answer that use.

    known are names of models that are there and not loaded, such as damaged ones: rule 2 and the next decide for those.
    """
    by_name = {model.name: model for model in models}
    for use, name in named.items():
        if name in by_name:
            uses = uses_of(by_name[name])
            if use not in (*uses, *(one.split(":")[0] for one in uses)):
                raise ServiceError(f"CAROUSEL_DEFAULTS: {use}={name}: {name} answers {', '.join(uses)}")
        elif name not in known:
            raise ServiceError(f"CAROUSEL_DEFAULTS: {use}={name}: no such model; there are {', '.join(by_name)}")
