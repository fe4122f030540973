"""The next word or token after a text."""

from collections.abc import Sequence

import torch

from app.engine.generation import read_text
from app.engine.jobs import Prediction, PredictJob
from models.checkpoint import Checkpoint
from models.language_model import LanguageModel
from models.next_words import WordPredictor, split_partial


def predict(checkpoint: Checkpoint, jobs: Sequence[PredictJob]) -> list[Prediction]:
    """Answer each job; words are searched one job after the other."""
    model = checkpoint.model
    assert isinstance(model, LanguageModel)
    predictor = WordPredictor(model, checkpoint.tokenizer)
    return [_predict(checkpoint, model, predictor, job) for job in jobs]


def _predict(checkpoint: Checkpoint, model: LanguageModel, predictor: WordPredictor, job: PredictJob) -> Prediction:
    text, prefix = split_partial(job.text) if job.partial else (job.text, "")
    logits, state, _ = read_text(model, checkpoint.tokenizer, text)
    if job.unit == "token":
        values, ids = torch.softmax(logits.double(), dim=-1).topk(min(job.top, logits.numel()))
        names = [checkpoint.tokenizer.surface(index).decode("utf-8", errors="replace") for index in ids.tolist()]
        found = list(zip(names, values.tolist(), strict=True))
    elif job.candidates:
        # the prefix is certain where no word can be found that begins with it
        total = predictor.predict(logits, state, 1, prefix).total or 1.0
        different = {tuple(checkpoint.tokenizer.encode(word)): word for word in reversed(job.candidates)}
        scored = [
            (word, min(predictor.probability(logits, state, word) / total, 1.0) if word.startswith(prefix) else 0.0)
            for word in different.values()
        ]
        found = sorted(scored, key=lambda item: -item[1])
    else:
        found = predictor.predict(logits, state, job.top, prefix).words
    return Prediction(tuple(found), max(0.0, 1.0 - sum(probability for _, probability in found)))
