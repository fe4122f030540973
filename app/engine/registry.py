"""The models that are served, and which of them a request means."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from app.engine.detection import Detected, detect
from app.errors import InvalidRequest, ModelNotFound, NoModel
from models import checkpoint
from models.checkpoint import Checkpoint
from models.errors import CheckpointError
from models.translator import Translator

SCRATCH_SUFFIXES = (".training", ".partial", ".old")


def load_models(folder: Path, names: Sequence[str], device: torch.device, kind: str | None = None) -> "Registry":
    """Load the named checkpoints of a folder, or all; with a kind, only those of it.

    Raises CheckpointError for one that can't be trusted, or where there is none.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such folder of checkpoints (CAROUSEL_CHECKPOINTS)")
    found = sorted(
        path for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.suffix not in SCRATCH_SUFFIXES
    )  # fmt: skip
    chosen = [folder / name for name in names] or found
    if kind is not None:
        chosen = [path for path in chosen if checkpoint.peek_kind(path) == kind]
    if not chosen:
        raise CheckpointError(
            f"{folder}: no checkpoint{f' of the kind {kind}' if kind else ''} in it; train one with carousel-train"
        )
    return Registry([checkpoint.load(path, device) for path in chosen], device)


class Registry:
    """Loaded models by name. It chooses; it never computes with them."""

    def __init__(self, checkpoints: Iterable[Checkpoint], device: torch.device) -> None:
        self.models = {loaded.name: loaded for loaded in checkpoints}
        self.device = device

    def get(self, name: str) -> Checkpoint:
        """Raise ModelNotFound where there is none of that name."""
        if name not in self.models:
            raise ModelNotFound(f"no such model; there are {', '.join(self.models)}", "/model")
        return self.models[name]

    def of_kind(self, kind: str, name: str | None) -> list[Checkpoint]:
        """The named model, or all of a kind. Raises ModelNotFound, NoModel, or InvalidRequest for another kind."""
        if name is not None:
            loaded = self.get(name)
            if loaded.kind != kind:
                raise InvalidRequest(f"the model is of the kind {loaded.kind}; this needs a {kind}", "/model")
            return [loaded]
        models = [loaded for loaded in self.models.values() if loaded.kind == kind]
        if not models:
            raise NoModel(f"no model of the kind {kind} is loaded", "/model")
        return models

    def for_text(self, kind: str, name: str | None, text: str, pointer: str) -> Checkpoint:
        """The named model, or the first of a kind for the language that a text is in."""
        models = self.of_kind(kind, name)
        languages = list(dict.fromkeys(language for loaded in models for language in loaded.languages))
        if len(models) == 1 or not languages:
            return models[0]
        language = detect(text, languages, pointer).language if len(languages) > 1 else languages[0]
        return next(loaded for loaded in models if language in loaded.languages)

    def for_translation(
        self, name: str | None, texts: Sequence[str], source: str, target: str
    ) -> tuple[Checkpoint, list[Detected]]:
        """A model that translates to target, with the language of each text (detected where source is auto).

        Raises NoModel where none translates so.
        """
        models = self.of_kind("translator", name)
        by_direction: dict[tuple[str, str], Checkpoint] = {}
        for loaded in models:
            assert isinstance(loaded.model, Translator)
            for direction in loaded.model.config.directions:
                by_direction.setdefault(direction, loaded)
        sources = [origin for origin, goal in by_direction if goal == target]
        if not sources:
            targets = ", ".join(sorted({goal for _, goal in by_direction}))
            raise NoModel(f"no model translates to that language; there are {targets}", "/target")
        if source != "auto":
            if source not in sources:
                raise NoModel(f"no model translates from that language; there are {', '.join(sources)}", "/source")
            return by_direction[source, target], [Detected(source, 1.0) for _ in texts]
        # A text that is in the target's language already is known as such, and said to be.
        detected = [detect(text, [*sources, target], "/text") for text in texts]
        for found in detected:
            if found.language == target:
                raise NoModel("a text is in the target language already; name its language in source", "/target")
        first = by_direction[detected[0].language, target]
        if any(by_direction[found.language, target] is not first for found in detected):
            raise InvalidRequest("the texts are in languages of different models; send them apart", "/text")
        return first, detected
