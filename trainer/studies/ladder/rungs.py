"""The rungs, and the data that they are made of."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models import checkpoint
from models.checkpoint import Checkpoint
from models.errors import DataError
from trainer.data.corpus import usable
from trainer.data.sources import Source, all_rows
from trainer.pipeline import session
from trainer.pipeline.plan import Request
from trainer.studies.ladder.pairs import flipped_pairs, rows_of

HELD_OUT, LEAST_TEXTS = 20, 40
"""Where there are no validation texts, every 20th is one; of fewer than 40 none can be spared."""
PAIRS_FOLDER, APART_FOLDER = "pairs", "pairs-apart"
Make = Callable[[Request], None]


@dataclass(frozen=True)
class Rung:
    """A model to be made: its name, its kind, and its settings."""

    name: str
    kind: str
    title: str
    settings: Mapping[str, str | int | float]


CELLS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
RECURRENT: Mapping[str, str | int | float] = {
    "hidden": 200, "embedding": 200, "dropout": 0.3, "hidden_dropout": 0.15, "optimizer": "sgd",
    "learning_rate": 20.0, "clip_norm": 0.25, "warmup_steps": 200, "weight_decay": 1e-6, "average_decay": 0.999,
    "epochs": 6, "evaluations_per_epoch": 2, "batch_size": 20, "bptt": 35,
}  # fmt: skip
PLAIN: Mapping[str, Mapping[str, float]] = {"rnn": {"learning_rate": 5.0}}
"""At the others' rate an RNN's loss never falls: at 20, its perplexity on Penn Treebank was above 20,000."""
READERS = (
    Rung("n2", "ngram", "counts of 2", {"order": 2, "method": "maximum-likelihood"}),
    Rung("n3", "ngram", "counts of 3", {"order": 3, "method": "maximum-likelihood"}),
    Rung("kneser-ney", "ngram", "Kneser-Ney", {}),
    *(
        Rung(cell, "language", title, {**RECURRENT, "cell": cell, **PLAIN.get(cell, {})})
        for cell, title in CELLS.items()
    ),
)
"""Those that say what comes next."""
JUDGING: Mapping[str, str | int | float] = {
    "hidden": 16, "embedding": 16, "dropout": 0.2, "embedding_dropout": 0.2, "learning_rate": 0.01, "epochs": 30,
    "evaluations_per_epoch": 1, "patience": 30,
}  # fmt: skip
JUDGES = (
    *(Rung(f"bag{order}", "bag", f"bag of {order}", {"order": order}) for order in (1, 2, 3)),
    *(Rung(cell, "classifier", title, {**JUDGING, "cell": cell}) for cell, title in CELLS.items()),
)
"""Those that say who is good in pairs of sentences."""


@dataclass(frozen=True)
class Ladder:
    """Where all is made: the rungs that read in the folder itself, those that judge pairs in folders of it."""

    folder: Path
    language: str
    assignments: Sequence[str] = ()
    """Settings of the recurrent rungs that read text, NAME=VALUE."""
    vocabulary_size: int = 10_000
    order: int = 5
    """Of the Kneser-Ney model."""
    most_words: int = 0
    """Of the text, what comes after so many words is left out; 0: nothing is."""
    note: str = ""
    """What the rungs' cards say of the data and their licence."""
    command: str = ""

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def prepare(self, train: Sequence[Source], valid: Sequence[Source]) -> None:
        """Write all data, unless they are there. Raises DataError where there is no text, or too little of it."""
        texts = [text for (text,) in usable(all_rows(train), 1)]
        held = [text for (text,) in usable(all_rows(valid), 1)] if valid else []
        if not valid:
            if len(texts) < LEAST_TEXTS:
                raise DataError(f"{len(texts)} texts are too few to keep some of them for validation; give --valid")
            held, texts = texts[::HELD_OUT], [text for at, text in enumerate(texts) if at % HELD_OUT]
        if not held or not texts:
            raise DataError("there is no text that is not blank")
        if self.most_words:
            texts = list(_up_to(texts, self.most_words))
        self.data.mkdir(parents=True, exist_ok=True)
        _write(self.data / "train.jsonl", ({"text": text} for text in texts))
        _write(self.data / "valid.jsonl", ({"text": text} for text in held))
        for name, apart in ((PAIRS_FOLDER, False), (APART_FOLDER, True)):
            rows, pairs = flipped_pairs(apart)
            kept = len(rows) // HELD_OUT
            for split, chosen in (("train", rows[kept:]), ("valid", rows[:kept]), ("test", rows_of(pairs))):
                lines = ({"text": text, "label": label} for text, label in chosen)
                _write(self.data / f"{name}-{split}.jsonl", lines)

    def climb(self, make: Make) -> None:
        """Make every rung that is not there yet."""
        for rung in READERS:
            self._make(self._assigned(rung), self.folder / rung.name, "train", "valid", make)
        for rung in JUDGES:
            for folder in (PAIRS_FOLDER, APART_FOLDER):
                self._make(rung, self.folder / folder / rung.name, f"{folder}-train", f"{folder}-valid", make)

    def load(self, rung: Rung, folder: str = "") -> Checkpoint:
        return checkpoint.load(self.folder / folder / rung.name)

    def _assigned(self, rung: Rung) -> Rung:
        """With the settings that a person gave; words are what all rungs read."""
        if rung.kind == "language":
            rung = replace(rung, settings={**rung.settings, **dict(pair.split("=", 1) for pair in self.assignments)})
        size = {"vocabulary_size": self.vocabulary_size, **({"order": self.order} if rung.kind == "ngram" else {})}
        lowercase = {"lowercase": self.language} if self.language in ("en", "tr") else {}
        return replace(rung, settings={**size, **lowercase, **rung.settings})

    def _make(self, rung: Rung, output: Path, train: str, valid: str, make: Make) -> None:
        if session.is_finished(output):
            return
        settings = {"tokenizer": "word", **rung.settings}
        request = Request(
            kind=rung.kind,
            output=output,
            train=(f"{train}.jsonl",),
            valid=(f"{valid}.jsonl",),
            root=self.data,
            languages=(self.language,),
            assignments=tuple(f"{name}={value}" for name, value in settings.items()),
            device="cpu",
            note=self.note,
            command=self.command,
        )
        make(request)


def _up_to(texts: Iterable[str], words: int) -> Iterator[str]:
    """The first texts, that have so many words together, or a few more."""
    for text in texts:
        if words <= 0:
            return
        words -= len(text.split())
        yield text


def _write(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """One JSON object a line; a file that is there already with that content is left as it is."""
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if not path.exists() or path.read_text(encoding="utf-8") != content:
        path.write_text(content, encoding="utf-8")
