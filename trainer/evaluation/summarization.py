"""ROUGE of summaries, beside the first words of the texts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rouge_score.rouge_scorer import RougeScorer

from models.decoding.beam_search import translate
from models.decoding.summaries import shown_summary, summary_search
from models.networks.summarizer import Summarizer
from models.runtime.build import make_translator_runtime
from models.runtime.interface import TranslatorRuntime
from models.text.tokenizers import Tokenizer
from trainer.evaluation.config import EvaluationConfig

MEASURES = ("rouge1", "rouge2", "rougeL")
FIRST_WORDS = (8, 12)
"""Words of a text's beginning that are measured as summaries: what any summarizer has to beat."""


def summaries(
    runtime: TranslatorRuntime,
    model: Summarizer,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    config: EvaluationConfig,
) -> list[str]:
    """The best summary of each text."""
    search = summary_search(config.beam_size, length_penalty=config.length_penalty)
    sources = [model.source_of(tokenizer.encode(text), tokenizer.end_id) for text in texts]
    beams = translate(runtime, sources, tokenizer.end_id, search) if sources else []
    return [shown_summary(model, tokenizer, beam[0]) for beam in beams]


def score_summaries(hypotheses: Sequence[str], references: Sequence[str], config: EvaluationConfig) -> dict[str, Any]:
    """The mean F1 of ROUGE-1, ROUGE-2 and ROUGE-L with stemming, times 100, and their 95% bootstrap intervals."""
    scorer = RougeScorer(MEASURES, use_stemmer=True)
    scored = [scorer.score(reference, text) for text, reference in zip(hypotheses, references, strict=True)]
    values = np.array([[100 * one[name].fmeasure for name in MEASURES] for one in scored])  # (N, 3)
    scores: dict[str, Any] = dict(zip(MEASURES, values.mean(axis=0).tolist(), strict=True))
    if config.resamples:
        generator = np.random.default_rng(1)
        means = np.array([
            values[generator.integers(len(values), size=len(values))].mean(axis=0) for _ in range(config.resamples)
        ])  # fmt: skip
        for name, (low, high) in zip(MEASURES, np.percentile(means, [2.5, 97.5], axis=0).T.tolist(), strict=True):
            scores[f"{name}_95"] = [low, high]
    return scores


def evaluate_summarizer(
    model: Summarizer,
    tokenizer: Tokenizer,
    rows: Sequence[tuple[str, ...]],
    config: EvaluationConfig,
    precision: str = "float32",
) -> dict[str, Any]:
    """ROUGE of the summaries of rows (text, summary), and of the first words of the texts."""
    texts, references = [row[0] for row in rows], [row[1] for row in rows]
    found = summaries(make_translator_runtime(model, precision), model, tokenizer, texts, config)
    plain = EvaluationConfig(resamples=0)
    baselines = {
        f"first_{count}_words": score_summaries([" ".join(text.split()[:count]) for text in texts], references, plain)
        for count in FIRST_WORDS
    }
    return {
        **score_summaries(found, references, config),
        **baselines,
        "beam_size": config.beam_size,
        "length_penalty": config.length_penalty,
        "texts": len(rows),
    }
