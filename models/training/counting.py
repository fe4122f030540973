"""`carousel-train ngram`: counting instead of training, to a checkpoint like any other."""

import time
from typing import Any

import torch
from rich.console import Console

from models.errors import DataError
from models.ngram import Ngram
from models.tokenizers import Tokenizer
from models.training import session
from models.training.build import (
    CONFIGURATIONS,
    CountingConfig,
    Request,
    WordListConfig,
    find_recipe,
    languages_of,
    sources_of,
    train_tokenizer,
)
from models.training.corpus import usable
from models.training.evaluate import evaluate_sources
from models.training.options import complete, distribute, parse_assignments
from models.training.scores.config import EvaluationConfig
from models.training.scores.language import language_stream
from models.training.sources import all_rows, describe


def count(request: Request, console: Console) -> dict[str, Any]:
    """Count the training data, leave a checkpoint, and return its metrics. Raises ModelError for anything unusable.

    The text, its ids and the tables are in memory together: about 210 bytes a word of text at order 5.
    """
    session.check_output(request.output, resume=False)
    recipe = find_recipe(request)
    shares = distribute({**recipe.settings, **parse_assignments(request.assignments)}, CONFIGURATIONS["ngram"])
    words, counting, measuring = shares
    how, config = CountingConfig(**counting), EvaluationConfig(**measuring)  # type: ignore[arg-type]
    languages = languages_of(request, recipe)
    train = sources_of(request, request.train or recipe.train, "train")
    valid = sources_of(request, request.valid or recipe.valid, "valid")
    started = time.monotonic()
    texts = [text for (text,) in usable(all_rows(train), 1)]
    if not texts:
        raise DataError("the training data has no row without a blank text")
    tokenizer: Tokenizer = train_tokenizer(((text,) for text in texts), 1, WordListConfig(**words))  # type: ignore[arg-type]
    stream = language_stream(tokenizer, texts).numpy()
    model = Ngram.count(stream, how.order, tokenizer.size, tokenizer.end_id, how.method)
    seconds = time.monotonic() - started
    grams = ", ".join(f"{number:,} of {length}" for length, number in enumerate(model.config.grams, 2))
    console.print(f"counted {len(stream) - 1:,} tokens in {seconds:.1f} s; different grams: {grams or 'only of 1'}")
    run = session.Run(
        output=request.output,
        languages=languages,
        command=request.command,
        settings=complete(shares, CONFIGURATIONS["ngram"]),
        data={"train": describe(train), "valid": describe(valid)},
        data_note=recipe.data_note,
        limits=recipe.limits,
    )
    session.write_counted(run, model, tokenizer, seconds)
    return session.finish(
        request.output, lambda made: evaluate_sources(made, tokenizer, valid, config), torch.device("cpu")
    )
