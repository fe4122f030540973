"""BLEU and chrF2 of translations."""

import json
from collections.abc import Sequence
from typing import Any

from sacrebleu.metrics.base import Score
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from models.decoding.beam_search import SearchConfig, source_ids, translate
from models.networks.translator import Translator
from models.runtime.build import make_translator_runtime
from models.runtime.interface import TranslatorRuntime
from models.text.front import prepare
from models.text.tokenizers import Tokenizer
from trainer.evaluation.config import EvaluationConfig

Pairs = Sequence[tuple[str, str]]


def translate_texts(
    model: Translator,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    target: str,
    config: EvaluationConfig,
    precision: str = "float32",
) -> list[str]:
    """The best translation of each text into the language target.

    Text is translated as the service does it (models/text/front.py), less what is tokenized already, which is
    translated as it is.
    """
    runtime = make_translator_runtime(model, precision)
    search = SearchConfig(config.beam_size, config.length_penalty)
    if config.bleu_tokenize == "none":
        return [best for best, *_ in _hypotheses(runtime, model, tokenizer, texts, target, search)]
    source = next(language for language in model.config.languages if language != target)
    passages = [prepare(text, source, bool(tokenizer.symbol_ids)) for text in texts]
    inputs = [text for passage in passages for sentence in passage.sentences for text in sentence.inputs()]
    hypotheses = iter(_hypotheses(runtime, model, tokenizer, inputs, target, search))
    return [
        "".join(
            part if isinstance(part, str) else part.render([next(hypotheses) for _ in part.inputs()], target)
            for part in passage.parts
        )
        for passage in passages
    ]


def _hypotheses(
    runtime: TranslatorRuntime,
    model: Translator,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    target: str,
    search: SearchConfig,
) -> list[list[str]]:
    """The translations that the search found for each text, the best first."""
    sources = [source_ids(model, tokenizer, text, target) for text in texts]
    beams = translate(runtime, sources, tokenizer.end_id, search, tokenizer.symbol_ids) if sources else []
    return [[tokenizer.decode(hypothesis.ids) for hypothesis in beam] for beam in beams]


def score_translations(
    hypotheses: Sequence[str], references: Sequence[str], config: EvaluationConfig
) -> dict[str, Any]:
    """sacreBLEU and chrF2 with their signatures and 95% bootstrap intervals."""
    scores: dict[str, Any] = {}
    for name, metric in (("bleu", BLEU(tokenize=config.bleu_tokenize, force=True)), ("chrf2", CHRF())):
        score = metric.corpus_score(list(hypotheses), [list(references)], n_bootstrap=max(1, config.resamples))
        signature = str(metric.get_signature())
        scores[name] = score.score
        scores[f"{name}_signature"] = signature
        if config.resamples:
            scores[f"{name}_95"] = _interval(score, signature)
    return scores


def _interval(score: Score, signature: str) -> list[float]:
    """The interval that sacreBLEU estimated: in its public interface only the JSON of a score has it.

    The JSON has none where every resample scored 0.
    """
    report = json.loads(score.format(width=12, signature=signature, is_json=True))
    mean, half_width = report.get("confidence_mean", 0.0), report.get("confidence_var", 0.0)
    return [mean - half_width, mean + half_width]


def evaluate_translator(
    model: Translator,
    tokenizer: Tokenizer,
    pairs: Pairs,
    target: str,
    config: EvaluationConfig,
    precision: str = "float32",
) -> dict[str, Any]:
    """Score the translations of pairs (source, reference)."""
    hypotheses = translate_texts(model, tokenizer, [source for source, _ in pairs], target, config, precision)
    return {
        **score_translations(hypotheses, [reference for _, reference in pairs], config),
        "beam_size": config.beam_size,
        "length_penalty": config.length_penalty,
        "sentences": len(pairs),
    }


def evaluate_directions(
    model: Translator, tokenizer: Tokenizer, pairs: Pairs, config: EvaluationConfig, precision: str = "float32"
) -> dict[str, Any]:
    """`evaluate_translator` in every direction of the model, of pairs in the order of its languages."""
    first = model.config.languages[0]
    scores = {}
    for source, target in model.config.directions:
        turned = pairs if source == first else [(right, left) for left, right in pairs]
        scores[f"{source}-{target}"] = evaluate_translator(model, tokenizer, turned, target, config, precision)
    return scores
