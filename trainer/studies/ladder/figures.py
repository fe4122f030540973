"""All figures of a ladder, as plain data."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from rich.console import Console

from models.checkpoint import Checkpoint
from models.counted.ngram import Ngram
from models.networks.language_model import LanguageModel
from models.networks.transformer import Transformer
from trainer.evaluation.language import language_stream
from trainer.studies.ladder.ladder import APART_FOLDER, PAIRS_FOLDER, Ladder
from trainer.studies.ladder.measures import (
    CONTEXTS,
    Positions,
    Prediction,
    classify_pairs,
    context_costs,
    groups_of,
    perplexity_by_length,
    perplexity_of,
    predict,
    request_rate,
    stream_losses,
)
from trainer.studies.ladder.pairs import LABELS, flipped_pairs
from trainer.studies.ladder.rungs import LANGUAGE_RUNGS, PAIR_RUNGS, Rung

Figures = dict[str, Any]


def measure(ladder: Ladder, console: Console) -> Figures:
    """The figures of the text, of each language model, and of each classifier of pairs."""
    texts = [
        json.loads(line)["text"] for line in (ladder.data / "valid.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    first = ladder.load(LANGUAGE_RUNGS[0])
    stream = language_stream(first.tokenizer, texts)
    trigrams = next(ladder.load(rung) for rung in LANGUAGE_RUNGS if rung.settings.get("order") == 3).model
    assert isinstance(trigrams, Ngram)
    groups = groups_of(stream, trigrams, 0)
    readers = {}
    for rung in LANGUAGE_RUNGS:
        console.print(f"measuring {rung.title}", highlight=False)
        readers[rung.title] = _language_figures(ladder, rung, stream, groups)
    return {
        "words": len(stream) - 1,
        "texts": len(texts),
        "train": first.training["data"]["train"][0],
        "vocabulary": first.tokenizer.size,
        "groups": {name: float(inside.mean()) for name, inside in groups.items()},
        "readers": readers,
        "judges": {rung.title: _pair_figures(ladder, rung) for rung in PAIR_RUNGS},
        "example": list(flipped_pairs().test[0]),
        "example_apart": list(flipped_pairs(apart=True).test[0]),
        "pairs": len(flipped_pairs().test),
        "command": ladder.command,
        "machine": ladder.load(LANGUAGE_RUNGS[-1]).training["environment"]["machine"],
    }


def _language_figures(ladder: Ladder, rung: Rung, stream: torch.Tensor, groups: Mapping[str, Any]) -> Figures:
    loaded = ladder.load(rung)
    model, end_id = loaded.model, loaded.tokenizer.end_id
    assert isinstance(model, LanguageModel | Transformer | Ngram)
    losses = stream_losses(model, stream, end_id)
    positions = Positions.sample(stream)
    return {
        "perplexity": perplexity_of(losses),
        "learning": [[entry["step"], entry["scores"]["perplexity_per_word"]] for entry in loaded.log],
        "kept": _as_dict(predict(model, positions)),
        "shuffled": _as_dict(predict(model, positions.shuffled())),
        "contexts": {
            str(count): _as_dict(predict(model, positions.last(count)))
            for count in CONTEXTS
            if count <= positions.contexts.shape[1]
        },
        "by_length": perplexity_by_length(losses, stream, end_id),
        "by_group": {name: perplexity_of(losses[inside]) for name, inside in groups.items() if inside.any()},
        "megabytes": sum(tensor.numel() * tensor.element_size() for tensor in _stored(loaded)) / 1e6,
        "seconds": float(loaded.training["seconds"]),
        "requests_per_second": request_rate(model, stream),
        "parameters": sum(tensor.numel() for tensor in model.state_dict().values()),
        "costs": {words: asdict(cost) for words, cost in context_costs(model, stream).items()},
    }


def _pair_figures(ladder: Ladder, rung: Rung) -> Figures:
    (texts, pairs), (texts_apart, pairs_apart) = (
        classify_pairs(ladder.load(rung, folder), flipped_pairs(folder == APART_FOLDER).test, LABELS)
        for folder in (PAIRS_FOLDER, APART_FOLDER)
    )
    return {"texts": texts, "pairs": pairs, "texts_apart": texts_apart, "pairs_apart": pairs_apart}


def _stored(loaded: Checkpoint) -> list[torch.Tensor]:
    """The tensors as a checkpoint stores them: parameters in half precision."""
    return [*(parameter.half() for parameter in loaded.model.parameters()), *loaded.model.buffers()]


def _as_dict(prediction: Prediction) -> Figures:
    return {
        "perplexity": prediction.perplexity,
        "accuracy": prediction.accuracy,
        "impossible": prediction.impossible,
    }
