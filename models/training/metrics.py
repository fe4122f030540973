"""Scores, each under the protocol that docs/quality.md names."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from torch import Tensor

from models.batch import like_lengths, pad
from models.classifier import Classifier
from models.language_model import LanguageModel
from models.runtime.build import make_classifier_runtime, make_language_runtime, make_translator_runtime
from models.runtime.interface import ClassifierRuntime, LanguageRuntime
from models.search import SearchConfig, source_ids, translate
from models.sentences import begin_as
from models.tokenizer import Tokenizer
from models.training.ngram import KneserNey
from models.translator import Translator

EVALUATION_TOKENS = 8192  # padded tokens in a batch when nothing is trained


def score_stream(model: LanguageModel, stream: Tensor, rows: int = 1, chunk: int = 512) -> float:
    """The negative log-likelihood, in nats, of every id of stream (N,) after its first.

    The stream is cut into `rows` stripes read side by side; state is carried from chunk to chunk.
    With one row it is read as one text, as published perplexities are; more rows are faster, and
    each begins with an empty memory.
    """
    device = model.bias.device
    total = 0.0
    targets = stream.numel() - 1
    rows = max(1, min(rows, targets // 64))
    width = -(-targets // rows)
    padded = torch.nn.functional.pad(stream, (0, rows * width + 1 - stream.numel()), value=-1)
    inputs = padded[:-1].clamp(min=0).view(rows, width)  # (R, W)
    wanted = padded[1:].view(rows, width)  # (R, W), -1 past the end
    state = None
    for begin in range(0, width, chunk):
        logits, state = model(inputs[:, begin : begin + chunk].to(device), state)  # (R, chunk, V)
        total += torch.nn.functional.cross_entropy(
            logits.float().flatten(0, 1),
            wanted[:, begin : begin + chunk].to(device).flatten(),
            ignore_index=-1,
            reduction="sum",
        ).item()
    return total


@torch.inference_mode()
def score_stream_stepwise(runtime: LanguageRuntime, stream: Tensor) -> float:
    """As score_stream with one row, by the steps of a runtime."""
    state, total = runtime.start(1), 0.0
    for read, wanted in itertools.pairwise(stream.unsqueeze(1)):
        logits, state = runtime.step(read, state)
        total += float(torch.nn.functional.cross_entropy(logits, wanted.to(logits.device)))
    return total


def perplexity(negative_log_likelihood: float, count: int) -> float:
    """exp of the mean, at most 1e300: a text without spaces is one long word."""
    return math.exp(min(negative_log_likelihood / count, 690.0))


def evaluate_language(
    model: LanguageModel, tokenizer: Tokenizer, texts: Sequence[str], rows: int = 1, precision: str = "float32"
) -> dict[str, Any]:
    """Perplexity per word and per token of texts, one document each, read as one stream.

    Per word: exp(total negative log-likelihood / words), the end of each document counted as a word
    and its likelihood in the total, so that tokenizations can be compared.
    """
    stream = language_stream(tokenizer, texts)
    words = sum(len(text.split()) + 1 for text in texts)
    tokens = stream.numel() - 1
    if precision == "int8":
        total = score_stream_stepwise(make_language_runtime(model, precision), stream)
    else:
        total = score_stream(model, stream, rows)
    return {
        "perplexity_per_word": perplexity(total, words),
        "perplexity_per_token": perplexity(total, tokens),
        "words": words,
        "tokens": tokens,
    }


def evaluate_ngram(ngram: KneserNey, tokenizer: Tokenizer, texts: Sequence[str]) -> dict[str, float]:
    """Perplexity per word, counted as `evaluate_language` counts it; an n-gram starts anew at each document."""
    words = sum(len(text.split()) + 1 for text in texts)
    total = ngram.negative_log_likelihood(tokenizer.encode(text) for text in texts)
    return {f"kneser_ney_{ngram.order}gram_perplexity_per_word": perplexity(total, words)}


def language_stream(tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """All texts as one stream of ids (N,): the end token first, and after each text."""
    ids = [tokenizer.end_id]
    for text in texts:
        ids.extend(tokenizer.encode(text))
        ids.append(tokenizer.end_id)
    return torch.tensor(ids, dtype=torch.int64)


@torch.inference_mode()
def classify_all(runtime: ClassifierRuntime, ids: Sequence[Sequence[int]]) -> Tensor:
    """Probabilities (N, C) of texts given as ids, in their order, read in batches of like length."""
    probabilities: dict[int, Tensor] = {}
    for places in like_lengths([len(text) for text in ids], EVALUATION_TOKENS):
        logits, _ = runtime.classify(pad([ids[place] for place in places]), explain=False)
        probabilities |= zip(places, torch.softmax(logits, dim=-1).cpu(), strict=True)
    return torch.stack([probabilities[place] for place in range(len(ids))])


def evaluate_classifier(
    model: Classifier, tokenizer: Tokenizer, texts: Sequence[str], labels: Sequence[str], precision: str = "float32"
) -> dict[str, Any]:
    """Accuracy, mean negative log-likelihood (nats) and the F1 of each label."""
    ids = [tokenizer.encode(text) or [tokenizer.end_id] for text in texts]
    wanted = torch.tensor([model.config.labels.index(label) for label in labels])
    return score_classes(classify_all(make_classifier_runtime(model, precision), ids), wanted, model.config.labels)


def score_classes(probabilities: Tensor, wanted: Tensor, labels: Sequence[str]) -> dict[str, Any]:
    """Compare probabilities (N, C) with wanted (N,) int64."""
    found = probabilities.argmax(dim=1)
    f1 = {}
    for index, label in enumerate(labels):
        both = int(((found == index) & (wanted == index)).sum())
        either = int((found == index).sum() + (wanted == index).sum())
        f1[label] = 2 * both / either if either else 0.0
    likelihood = probabilities.gather(1, wanted.unsqueeze(1)).clamp(min=1e-12)
    return {
        "accuracy": (found == wanted).float().mean().item(),
        "loss": -likelihood.log().mean().item(),
        "f1": f1,
        "texts": len(wanted),
    }


def evaluate_translator(
    model: Translator,
    tokenizer: Tokenizer,
    pairs: Sequence[tuple[str, str]],
    target: str,
    beam_size: int = 5,
    length_penalty: float = 1.0,
    tokenize: str = "13a",
    precision: str = "float32",
) -> dict[str, Any]:
    """sacreBLEU and chrF2 with their signatures, for pairs of source and reference."""
    runtime = make_translator_runtime(model, precision)
    sources = [source_ids(model, tokenizer, source, target) for source, _ in pairs]
    hypotheses = translate(runtime, sources, tokenizer.end_id, SearchConfig(beam_size, length_penalty))
    found = [
        begin_as(tokenizer.decode(best.ids), source, target)
        for (best, *_), (source, _) in zip(hypotheses, pairs, strict=True)
    ]
    references = [[reference for _, reference in pairs]]
    bleu, chrf = BLEU(tokenize=tokenize), CHRF()
    bleu_score, chrf_score = bleu.corpus_score(found, references), chrf.corpus_score(found, references)
    return {
        "bleu": bleu_score.score,
        "bleu_signature": str(bleu.get_signature()),
        "chrf2": chrf_score.score,
        "chrf2_signature": str(chrf.get_signature()),
        "beam_size": beam_size,
        "length_penalty": length_penalty,
        "sentences": len(pairs),
    }
