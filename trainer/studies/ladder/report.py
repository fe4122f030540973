"""`carousel-train ladder`: the rungs made and measured, and what came of it as Markdown, JSON and a PNG."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from rich.console import Console

from models.checkpoint import Checkpoint
from models.counted.ngram import Ngram
from models.networks.language_model import LanguageModel
from trainer.data.sources import Source
from trainer.evaluation.language import language_stream
from trainer.studies.ladder.pairs import LABELS, flipped_pairs
from trainer.studies.ladder.plots import ladder_picture
from trainer.studies.ladder.questions import (
    CONTEXTS,
    PLACES,
    Expectation,
    Places,
    by_length,
    expect,
    groups_of,
    judge,
    perplexity_of,
    read_losses,
    speed,
)
from trainer.studies.ladder.rungs import APART_FOLDER, JUDGES, PAIRS_FOLDER, READERS, Ladder, Make, Rung

Numbers = dict[str, Any]


def climb(ladder: Ladder, train: Sequence[Source], valid: Sequence[Source], make: Make, console: Console) -> None:
    """Make every rung that is not there yet, measure all of them, and write the report. Raises ModelError."""
    ladder.prepare(train, valid)
    ladder.climb(make)
    numbers = measure(ladder, console)
    (ladder.folder / "ladder.json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    (ladder.folder / "ladder.png").write_bytes(ladder_picture(numbers))
    (ladder.folder / "report.md").write_text(as_markdown(numbers), encoding="utf-8")
    console.print(f"made {ladder.folder / 'report.md'}, ladder.png and ladder.json", markup=False, highlight=False)


def measure(ladder: Ladder, console: Console) -> Numbers:
    """All figures: of the text, of each rung that reads it, and of each that judges pairs."""
    texts = [
        json.loads(line)["text"] for line in (ladder.data / "valid.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    stream = language_stream(ladder.load(READERS[0]).tokenizer, texts)
    counted = next(ladder.load(rung) for rung in READERS if rung.settings.get("order") == 3).model
    assert isinstance(counted, Ngram)
    groups = groups_of(stream, counted, 0)
    readers = {}
    for rung in READERS:
        console.print(f"measuring {rung.title}", highlight=False)
        readers[rung.title] = _measure_reader(ladder, rung, stream, groups)
    judges = {}
    for rung in JUDGES:
        near, apart = (
            judge(ladder.load(rung, folder), flipped_pairs(folder == APART_FOLDER).test, LABELS)
            for folder in (PAIRS_FOLDER, APART_FOLDER)
        )
        judges[rung.title] = {"texts": near[0], "pairs": near[1], "texts_apart": apart[0], "pairs_apart": apart[1]}
    train = ladder.load(READERS[0]).training["data"]["train"][0]
    return {
        "words": len(stream) - 1,
        "texts": len(texts),
        "train": train,
        "vocabulary": ladder.load(READERS[0]).tokenizer.size,
        "groups": {name: float(inside.mean()) for name, inside in groups.items()},
        "readers": readers,
        "judges": judges,
        "example": list(flipped_pairs().test[0]),
        "example_apart": list(flipped_pairs(apart=True).test[0]),
        "pairs": len(flipped_pairs().test),
        "command": ladder.command,
        "machine": ladder.load(READERS[-1]).training["environment"]["machine"],
    }


def _measure_reader(ladder: Ladder, rung: Rung, stream: torch.Tensor, groups: Mapping[str, Any]) -> Numbers:
    loaded = ladder.load(rung)
    model, end_id = loaded.model, loaded.tokenizer.end_id
    assert isinstance(model, LanguageModel | Ngram)
    losses = read_losses(model, stream, end_id)
    places = Places.draw(stream)
    return {
        "perplexity": perplexity_of(losses),
        "learning": [[entry["step"], entry["scores"]["perplexity_per_word"]] for entry in loaded.log],
        "kept": _figures(expect(model, places)),
        "shuffled": _figures(expect(model, places.shuffled())),
        "contexts": {
            str(count): _figures(expect(model, places.last(count)))
            for count in CONTEXTS
            if count <= places.before.shape[1]
        },
        "by_length": by_length(losses, stream, end_id),
        "by_group": {name: perplexity_of(losses[inside]) for name, inside in groups.items() if inside.any()},
        "megabytes": sum(tensor.numel() * tensor.element_size() for tensor in _stored(loaded)) / 1e6,
        "seconds": float(loaded.training["seconds"]),
        "requests_per_second": speed(model, stream),
    }


def _stored(loaded: Checkpoint) -> list[torch.Tensor]:
    """The tensors as a checkpoint keeps them: parameters in half precision."""
    return [*(parameter.half() for parameter in loaded.model.parameters()), *loaded.model.buffers()]


def _figures(found: Expectation) -> Numbers:
    return {"perplexity": found.perplexity, "accuracy": found.accuracy, "impossible": found.impossible}


def as_markdown(numbers: Numbers) -> str:
    """The report: what was made, and the five questions with their answers."""
    readers, judges = numbers["readers"], numbers["judges"]
    parts = [
        "# The ladder",
        f"""{numbers["words"]:,} words of {numbers["texts"]:,} texts that no rung was made of are expected one by one,
with a vocabulary of {numbers["vocabulary"]:,}. Perplexity is per word, the ends of texts counted; ∞ where a word came
that a rung had held to be impossible. Made by `{numbers["command"]}` on {numbers["machine"]}.""",
        _table(
            ["rung", "perplexity", "right", "size, MB", "made in, s", "requests/s"],
            [
                [
                    name,
                    _number(of["perplexity"]),
                    f"{of['kept']['accuracy']:.1%}",
                    f"{of['megabytes']:.1f}",
                    f"{of['seconds']:,.0f}",
                    f"{of['requests_per_second']:,.0f}",
                ]
                for name, of in readers.items()
            ],
        ),
        """*Right*: how often the likeliest word was the one that came. *Requests/s*: ten words read and the ten
likeliest found, one request after the other on one thread, as it is served (int8 for the LSTM).""",
        "![all of it as pictures](ladder.png)",
        "## Is order kept?",
        f"""What comes next at {min(PLACES, numbers["words"]):,} places in the text, after the {_longest(readers)} words
before it as they stand, and after the same words shuffled:""",
        _table(
            ["rung", "right", "right, shuffled", "perplexity", "perplexity, shuffled"],
            [
                [
                    name,
                    *(f"{of[way]['accuracy']:.1%}" for way in ("kept", "shuffled")),
                    *(_expected(of[way]) for way in ("kept", "shuffled")),
                ]
                for name, of in readers.items()
            ],
        ),
        f"""And who is good? {numbers["pairs"]} pairs of sentences with the same words, such as
*{numbers["example"][0]}* and *{numbers["example"][1]}*; then *apart*, with the same words around every word that
counts:
*{numbers["example_apart"][0]}*. Their groups of a subject and a word stand in no training text.""",
        _table(
            ["rung", "texts right", "pairs right", "apart: texts", "apart: pairs"],
            [
                [name, *(f"{of[way]:.1%}" for way in ("texts", "pairs", "texts_apart", "pairs_apart"))]
                for name, of in judges.items()
            ],
        ),
        "## Can lengths differ?",
        "Perplexity by the number of words of a text:",
        _nested(readers, "by_length"),
        "## Does it learn?",
        "Perplexity on the validation texts as training goes on; a table of counts is filled once.",
        _table(
            ["rung", "untrained", "after the first half epoch", "at the end"],
            [
                [name, f"about {numbers['vocabulary']:,}", *(_number(of["learning"][at][1]) for at in (0, -1))]
                for name, of in readers.items()
                if of["learning"]
            ],
        ),
        "## Do groups of two and three words count?",
        f"""Perplexity of words that stood in the training text together with the two words before them, with the one
before them alone, and with neither ({", ".join(f"{share:.0%}" for share in numbers["groups"].values())} of them):""",
        _nested(readers, "by_group"),
        "## Does a long context survive?",
        "Perplexity at the same places, given so many words before them and nothing else:",
        _table(
            ["rung", *next(iter(readers.values()))["contexts"]],
            [[name, *(_expected(of) for of in found["contexts"].values())] for name, found in readers.items()],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _longest(readers: Mapping[str, Numbers]) -> str:
    return str(list(next(iter(readers.values()))["contexts"])[-1])


def _expected(found: Mapping[str, float]) -> str:
    """Perplexity, or how often what came was held to be impossible."""
    return f"∞ ({found['impossible']:.0%} impossible)" if found["impossible"] else _number(found["perplexity"])


def _nested(readers: Mapping[str, Numbers], what: str) -> str:
    names = next(iter(readers.values()))[what]
    rows = [[rung, *(_number(value) for value in of[what].values())] for rung, of in readers.items()]
    return _table(["rung", *names], rows)


def _number(value: float) -> str:
    return f"{value:,.1f}" if math.isfinite(value) else "∞"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
