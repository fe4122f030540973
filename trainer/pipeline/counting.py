"""`carousel-train ngram` and `carousel-train bag`: in seconds, to a checkpoint like any other."""

import time
from typing import Any

import torch
from rich.console import Console

from models.counted.bag_of_words import Bag
from models.counted.ngram import Ngram
from models.errors import DataError
from trainer.data.corpus import usable
from trainer.data.sources import all_rows, describe
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.evaluate import evaluate_sources
from trainer.evaluation.language import language_stream
from trainer.pipeline import session
from trainer.pipeline.options import complete, distribute, parse_assignments
from trainer.pipeline.plan import CONFIGURATIONS, Request, find_recipe, languages_of, sources_of, train_tokenizer
from trainer.tasks.bag_of_words import calibrate, fit


def count(request: Request, console: Console) -> dict[str, Any]:
    """Count the training data, leave a checkpoint, and return its metrics. Raises ModelError for anything unusable.

    All is in memory together: for an n-gram of order 5 about 210 bytes a word of text, for a bag about 40 bytes for
    each different group of tokens in each text.
    """
    session.check_output(request.output, resume=False)
    recipe, configurations = find_recipe(request), CONFIGURATIONS[request.kind]
    shares = distribute({**recipe.settings, **parse_assignments(request.assignments)}, configurations)
    words, how, config = (made(**share) for made, share in zip(configurations, shares, strict=True))
    assert isinstance(config, EvaluationConfig)
    languages = languages_of(request, recipe)
    train = sources_of(request, request.train or recipe.train, "train")
    valid = sources_of(request, request.valid or recipe.valid, "valid")
    started = time.monotonic()
    rows = list(usable(all_rows(train), 1))
    if not rows:
        raise DataError("the training data has no row without a blank text")
    tokenizer = train_tokenizer(iter(rows), 1, words)
    model: Ngram | Bag
    notes: dict[str, Any] = {}
    if request.kind == "ngram":
        stream = language_stream(tokenizer, [text for (text,) in rows]).numpy()
        model = Ngram.count(stream, how.order, tokenizer.size, tokenizer.end_id, how.method)
    else:
        ids, labels = [tokenizer.encode(text) for text, _ in rows], [label.strip() for _, label in rows]
        model = bag = fit(ids, labels, tokenizer.size, how)
        notes = calibrate(bag, tokenizer, list(usable(all_rows(valid), 1)))
    seconds = time.monotonic() - started
    grams = ", ".join(f"{number:,} of {length}" for length, number in enumerate(model.config.grams, 2))
    console.print(f"{len(rows):,} texts in {seconds:.1f} s; different groups of tokens: {grams or 'only of 1'}")
    run = session.Run(
        output=request.output,
        languages=languages,
        command=request.command,
        settings=complete(shares, configurations),
        data={"train": describe(train), "valid": describe(valid)},
        data_note=recipe.data_note or request.note,
        limits=recipe.limits,
    )
    session.write_counted(run, model, tokenizer, seconds, notes)
    return session.finish(
        request.output, lambda made: evaluate_sources(made, tokenizer, valid, config), torch.device("cpu")
    )
