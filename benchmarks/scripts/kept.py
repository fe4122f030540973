"""What a translator keeps of 500 sentences with reserved items and of 200 with names, on the service's own path.

    python benchmarks/scripts/kept.py CHECKPOINT [--known train.tsv …] [--beam 5] [--precision int8]

Names that occur in a file of --known, the training data, are left out.
"""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer

from models import checkpoint
from models.networks.translator import Translator
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.kept import Kept, measure_kept, name_sentences, reserved_sentences
from trainer.evaluation.translation import translate_texts

RESERVED, NAMES, SHOWN = 500, 200, 5
"""Sentences of all directions together; of those that were not kept, how many are shown."""
_WORD = re.compile(r"\w+(?:'\w+)?")


def words_of(paths: Sequence[Path]) -> set[str]:
    """The words of files, without Turkish suffixes too."""
    words: set[str] = set()
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                words.update(_WORD.findall(line))
    return words | {word.split("'")[0] for word in words}


def main(
    checkpoint_folder: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="A translator.")],
    known: Annotated[list[Path] | None, typer.Option(help="A file of training data.")] = None,
    beam: int = 5,
    precision: str = "int8",
    seed: int = 0,
) -> None:
    """Measure what a translator keeps."""
    torch.set_num_threads(1)
    loaded = checkpoint.load(checkpoint_folder)
    assert isinstance(loaded.model, Translator)
    config = EvaluationConfig(beam_size=beam)
    words = words_of(known or [])
    directions = loaded.model.config.directions

    def translate(texts: Sequence[str], target: str) -> list[str]:
        assert isinstance(loaded.model, Translator)
        return translate_texts(loaded.model, loaded.tokenizer, texts, target, config, precision, loaded.known_words)

    for name, draw, count in (
        ("reserved", reserved_sentences, RESERVED),
        ("names", partial(name_sentences, known=words), NAMES),
    ):
        for source, target in directions:
            sentences = draw(source, count // len(directions), seed=seed)
            _show(f"{name} {source}-{target}", measure_kept(sentences, translate, target))


def _show(title: str, result: Kept) -> None:
    kinds = ", ".join(f"{kind} {kept}/{total}" for kind, (kept, total) in result.kinds.items())
    print(f"{title}: {result.kept}/{result.sentences} = {result.share:.1%} of sentences ({kinds})")
    for text, translation in result.lost[:SHOWN]:
        print(f"  {text} -> {translation}")


if __name__ == "__main__":
    typer.run(main)
