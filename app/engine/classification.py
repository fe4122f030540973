"""Classifying texts, with the exact share of every token where it is asked for."""

from collections.abc import Sequence

import torch

from app.engine.jobs import ClassifyJob, Contribution, Verdict
from models.batch import pad
from models.checkpoint import Checkpoint
from models.classifier import Classifier
from models.tokenizer import Token

BATCH_TOKENS = 16_384


def classify(checkpoint: Checkpoint, jobs: Sequence[ClassifyJob]) -> list[list[Verdict]]:
    """Read all texts of all jobs in batches of like length."""
    texts = [(text, job.explain) for job in jobs for text in job.texts]
    end = Token(checkpoint.tokenizer.end_id, "", 0, 0)
    tokens = [checkpoint.tokenizer.tokens(text) or [end] for text, _ in texts]
    order = sorted(range(len(texts)), key=lambda index: len(tokens[index]))
    verdicts: dict[int, Verdict] = {}
    batch: list[int] = []
    for index in order:
        if batch and (len(batch) + 1) * len(tokens[index]) > BATCH_TOKENS:
            verdicts.update(_judge(checkpoint, batch, tokens, texts))
            batch = []
        batch.append(index)
    verdicts.update(_judge(checkpoint, batch, tokens, texts))
    results, position = [], 0
    for job in jobs:
        results.append([verdicts[position + offset] for offset in range(len(job.texts))])
        position += len(job.texts)
    return results


def _judge(
    checkpoint: Checkpoint, indices: list[int], tokens: list[list[Token]], texts: list[tuple[str, bool]]
) -> dict[int, Verdict]:
    model = checkpoint.model
    assert isinstance(model, Classifier)
    batch = pad([[token.id for token in tokens[index]] for index in indices]).to(model.head.weight.device)
    logits, shares = model.contributions(batch.ids, batch.lengths)  # (B, C), (B, T, C)
    probabilities = torch.softmax(logits.double(), dim=-1).tolist()
    labels = model.config.labels
    verdicts = {}
    for row, index in enumerate(indices):
        best = int(logits[row].argmax())
        scores = dict(zip(labels, probabilities[row], strict=True))
        if not texts[index][1]:
            verdicts[index] = Verdict(labels[best], scores)
            continue
        explanation = tuple(
            Contribution(token.text, token.start, token.end, share)
            for token, share in zip(tokens[index], shares[row, :, best].tolist(), strict=False)
        )
        bias, logit = float(model.head.bias[best]), float(logits[row, best])
        verdicts[index] = Verdict(labels[best], scores, explanation, bias, logit)
    return verdicts
