"""Perplexities of a language model."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.counted.ngram import Ngram
from models.networks.language_model import LanguageModel
from models.runtime.build import make_language_runtime
from models.text.tokenizers import Tokenizer
from trainer.evaluation.bootstrap import interval
from trainer.evaluation.cache import score_with_cache
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.dynamic import score_dynamically
from trainer.evaluation.likelihood import score_documents, score_stepwise, score_stream, score_windows


def evaluate_language(
    model: LanguageModel,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    config: EvaluationConfig | None = None,
    precision: str = "float32",
) -> dict[str, Any]:
    """Perplexity per word and per token of texts, one document each, read as one stream.

    Per word: exp(total negative log-likelihood / words), the end of each document counted as a word
    and its likelihood in the total, so that tokenizations can be compared. "Alone" is the perplexity where each
    document starts from a zero state, as a prompt does. The interval is a bootstrap over documents.
    With a cache or dynamic evaluation in the configuration, their perplexities per word are added.
    """
    config = config or EvaluationConfig(resamples=0)
    stream = language_stream(tokenizer, texts)
    if precision == "int8":
        losses = score_stepwise(make_language_runtime(model, precision), stream)
    else:
        losses = score_stream(model, stream)
    scores = _perplexities(losses.numpy(), tokenizer, texts, config.resamples)
    words = scores["words"]
    if precision == "float32":
        scores["perplexity_per_word_alone"] = perplexity(score_documents(model, tokenizer, texts), words)
    if config.context_tokens and precision == "float32":
        windows = score_windows(model, stream, config.context_tokens)
        scores[f"perplexity_per_token_of_{config.context_tokens}_tokens"] = perplexity(
            float(windows.sum()), len(windows)
        )
    if config.cache_window and precision == "float32":
        cached = float(score_with_cache(model, stream, config).sum())
        scores["perplexity_per_word_with_cache"] = perplexity(cached, words)
    if config.dynamic_rate and precision == "float32":
        scores["perplexity_per_word_dynamic"] = perplexity(score_dynamically(model, stream, config), words)
    return scores


def _perplexities(
    losses: NDArray[np.float64], tokenizer: Tokenizer, texts: Sequence[str], resamples: int
) -> dict[str, Any]:
    """Scores from the losses (N,), in nats, of all tokens of texts and their ends."""
    words = np.array([len(text.split()) + 1 for text in texts])
    total = float(losses.sum())
    scores: dict[str, Any] = {
        "perplexity_per_word": perplexity(total, int(words.sum())),
        "perplexity_per_token": perplexity(total, len(losses)),
        "words": int(words.sum()),
        "tokens": len(losses),
    }
    if resamples and math.isfinite(total):
        ends = np.cumsum([len(tokenizer.encode(text)) + 1 for text in texts]) - 1
        documents = np.diff(np.concatenate([[0.0], losses.cumsum(0)[ends]]))  # (D,), in nats
        bounds = interval(documents, words, resamples)
        scores["perplexity_per_word_95"] = [math.exp(min(bound, 690.0)) for bound in bounds]
    return scores


def evaluate_ngram(
    model: Ngram, tokenizer: Tokenizer, texts: Sequence[str], config: EvaluationConfig | None = None
) -> dict[str, Any]:
    """As `evaluate_language`; an n-gram model knows nothing of the document before."""
    losses = model.losses(language_stream(tokenizer, texts).numpy(), tokenizer.end_id)
    return _perplexities(losses, tokenizer, texts, config.resamples if config else 0)


def language_stream(tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """All texts as one stream of ids (N,): the end token first and after each text."""
    ids = [tokenizer.end_id]
    for text in texts:
        ids.extend(tokenizer.encode(text))
        ids.append(tokenizer.end_id)
    return torch.tensor(ids, dtype=torch.int64)


def perplexity(negative_log_likelihood: float, count: int) -> float:
    """exp of the mean, at most 1e300: per word, a text without spaces would overflow."""
    return math.exp(min(negative_log_likelihood / count, 690.0))


def token_perplexity(negative_log_likelihood: float, count: int) -> float:
    """As `perplexity`, but infinite above 1e300: per token, only a model whose training diverged is there."""
    mean = negative_log_likelihood / count
    return math.inf if mean > 690.0 else math.exp(mean)
