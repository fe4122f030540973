"""The ladder: its data, and the training of its rungs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models import checkpoint
from models.checkpoint import Checkpoint
from models.errors import DataError
from models.json_text import dumps
from trainer.data.corpus import usable
from trainer.data.sources import Source, all_rows
from trainer.pipeline import session
from trainer.pipeline.plan import Request
from trainer.studies.ladder.pairs import flipped_pairs, rows_of
from trainer.studies.ladder.passages import known_passages
from trainer.studies.ladder.rungs import LANGUAGE_RUNGS, LANGUAGE_SETTINGS, PAIR_RUNGS, Rung, transformer_sizes
from trainer.studies.output import make_folder, write

HELD_OUT_EVERY, MIN_TEXTS = 20, 40
"""Without validation data every 20th text is held out, of 40 texts or more."""
PAIRS_FOLDER, APART_FOLDER = "pairs", "pairs-apart"
Train = Callable[[Request], None]


@dataclass(frozen=True)
class Ladder:
    """A folder of models: language models in the folder itself, classifiers of pairs in subfolders."""

    folder: Path
    language: str
    assignments: Sequence[str] = ()
    """Settings of the recurrent language models, NAME=VALUE."""
    vocabulary_size: int = 10_000
    order: int = 5
    """Of the Kneser-Ney model."""
    max_words: int = 0
    """Only the beginning of the text, of so many words, is used; 0: all of it."""
    known_only: bool = False
    """Only passages of the vocabulary's words are used, punctuation apart from words."""
    note: str = ""
    """The note on data and licence of the model cards."""
    command: str = ""

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def prepare(self, train: Sequence[Source], valid: Sequence[Source]) -> None:
        """Write all data files. Raises DataError where there is no text, or too little of it."""
        texts = [text for (text,) in usable(all_rows(train), 1)]
        held = [text for (text,) in usable(all_rows(valid), 1)] if valid else []
        if not valid:
            if len(texts) < MIN_TEXTS:
                raise DataError(f"{len(texts)} texts are too few to hold some out for validation; give --valid")
            held, texts = texts[::HELD_OUT_EVERY], [text for index, text in enumerate(texts) if index % HELD_OUT_EVERY]
        if not held or not texts:
            raise DataError("there is no text that is not blank")
        if self.known_only:
            texts, held = known_passages(texts, held, self.vocabulary_size, self._lowercase, self.max_words)
            if not held:
                raise DataError("no passage of the validation text consists of the vocabulary's words")
        elif self.max_words:
            texts = list(_first_words(texts, self.max_words))
        make_folder(self.data)
        _write(self.data / "train.jsonl", ({"text": text} for text in texts))
        _write(self.data / "valid.jsonl", ({"text": text} for text in held))
        for name, apart in ((PAIRS_FOLDER, False), (APART_FOLDER, True)):
            rows, pairs = flipped_pairs(apart)
            held_out = len(rows) // HELD_OUT_EVERY
            for split, split_rows in (("train", rows[held_out:]), ("valid", rows[:held_out]), ("test", rows_of(pairs))):
                lines = ({"text": text, "label": label} for text, label in split_rows)
                _write(self.data / f"{name}-{split}.jsonl", lines)

    def train(self, train_model: Train) -> None:
        """Train every rung that is not there yet."""
        for rung in LANGUAGE_RUNGS:
            self._train(self._with_settings(rung), self.folder / rung.name, "train", "valid", train_model)
        for rung in PAIR_RUNGS:
            for folder in (PAIRS_FOLDER, APART_FOLDER):
                self._train(rung, self.folder / folder / rung.name, f"{folder}-train", f"{folder}-valid", train_model)

    def load(self, rung: Rung, folder: str = "") -> Checkpoint:
        return checkpoint.load(self.folder / folder / rung.name)

    @property
    def _lowercase(self) -> str:
        return self.language if self.language in ("en", "tr") else ""

    def _with_settings(self, rung: Rung) -> Rung:
        """The rung with the settings of this ladder; the tokens of all rungs are words."""
        assigned = dict(pair.split("=", 1) for pair in self.assignments)
        if rung.kind == "language":
            rung = replace(rung, settings={**rung.settings, **assigned})
        if rung.kind == "transformer":
            lstm = {"layers": 2, **LANGUAGE_SETTINGS, **assigned}
            sizes = transformer_sizes(*(int(lstm[name]) for name in ("embedding", "hidden", "layers")))
            shared = {name: lstm[name] for name in ("epochs", "batch_size", "bptt")}
            rung = replace(rung, settings={**rung.settings, **shared, **sizes})
        size = {"vocabulary_size": self.vocabulary_size, **({"order": self.order} if rung.kind == "ngram" else {})}
        words = {"lowercase": self._lowercase, "tokenizer": "wordpunct" if self.known_only else "word"}
        return replace(rung, settings={**size, **words, **rung.settings})

    def _train(self, rung: Rung, output: Path, train: str, valid: str, train_model: Train) -> None:
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
            automatic=False,
        )
        train_model(request)


def _first_words(texts: Iterable[str], words: int) -> Iterator[str]:
    """The first texts, until they have that many words together."""
    for text in texts:
        if words <= 0:
            return
        words -= len(text.split())
        yield text


def _write(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """One JSON object a line; a file that has this content already is left untouched."""
    content = "".join(dumps(row) + "\n" for row in rows)
    if not path.exists() or path.read_text(encoding="utf-8") != content:
        write(path, content.encode("utf-8"))
