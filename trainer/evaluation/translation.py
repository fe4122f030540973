"""BLEU and chrF2 of translations."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sacrebleu.metrics.base import Score
from sacrebleu.metrics.bleu import BLEU, BLEUScore
from sacrebleu.metrics.chrf import CHRF, CHRFScore

from models.decoding.beam_search import SearchConfig, searched, shown_text, source_ids, translate
from models.decoding.unknown_words import UnknownWords
from models.networks.translator import Translator
from models.quality import Searched
from models.runtime.build import make_translator_runtime
from models.runtime.interface import TranslatorRuntime
from models.text.front import Sentence, prepare
from models.text.known_words import KnownWords
from models.text.tokenizers import Tokenizer
from trainer.evaluation.config import EvaluationConfig

Pairs = Sequence[tuple[str, str]]
AnyScore = TypeVar("AnyScore", bound=Score)


def translate_texts(
    model: Translator,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    target: str,
    config: EvaluationConfig,
    precision: str = "float32",
    known: KnownWords | None = None,
) -> list[str]:
    """The best translation of each text into the language target.

    Text is translated as the service does it (models/text/front.py), less what is tokenized already, which is
    translated as it is. known has the words of the training text: see `UnknownWords`.
    """
    runtime = make_translator_runtime(model, precision)
    search = SearchConfig(config.beam_size, config.length_penalty)
    if config.bleu_tokenize == "none":
        return [best for best, *_ in _hypotheses(runtime, model, tokenizer, texts, target, search)]
    return [one.text for one in translate_passages(runtime, model, tokenizer, texts, target, search, known)]


@dataclass(frozen=True)
class Translated:
    """A translation, and the source of each of its sentences with the inputs that it was translated by."""

    text: str
    sentences: tuple[tuple[str, list[Searched]], ...]


def translate_passages(
    runtime: TranslatorRuntime,
    model: Translator,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    target: str,
    search: SearchConfig,
    known: KnownWords | None = None,
) -> list[Translated]:
    """Translate texts as the service does: in parts only where no translation of a whole sentence counts."""
    source = next(language for language in model.config.languages if language != target)
    unknown = UnknownWords(tokenizer, known, source, target) if known else None
    search = replace(search, keep_attention=search.keep_attention or unknown is not None)
    passages = [prepare(text, source, bool(tokenizer.symbol_ids)) for text in texts]
    tasks = {id(sentence): _SentenceTask(sentence) for passage in passages for sentence in passage.sentences}
    while pending := [(task, index) for task in tasks.values() for index in task.missing()]:
        sources = [source_ids(model, tokenizer, task.inputs[index], target) for task, index in pending]
        beams = translate(runtime, sources, tokenizer.end_id, search, tokenizer.symbol_ids)
        for (task, index), ids, beam in zip(pending, sources, beams, strict=True):
            task.hypotheses[index] = [shown_text(ids, hypothesis, tokenizer, unknown) for hypothesis in beam]
            task.searched[index] = [searched(ids, hypothesis, tokenizer.decode(hypothesis.ids)) for hypothesis in beam]
    return [
        Translated(
            "".join(part if isinstance(part, str) else tasks[id(part)].render(target) for part in passage.parts),
            tuple((sentence.source, tasks[id(sentence)].used()) for sentence in passage.sentences),
        )
        for passage in passages
    ]


class _SentenceTask:
    """A sentence, and of each of its inputs the hypotheses, once they are known."""

    def __init__(self, sentence: Sentence) -> None:
        self.sentence, self.inputs = sentence, list(sentence.inputs())
        self.hypotheses: list[list[str] | None] = [None] * len(self.inputs)
        self.searched: dict[int, list[Searched]] = {}

    def missing(self) -> list[int]:
        return [index for index, _ in self.sentence.used(self.hypotheses) if self.hypotheses[index] is None]

    def used(self) -> list[Searched]:
        return [self.searched[index][rank] for index, rank in self.sentence.used(self.hypotheses)]

    def render(self, target: str) -> str:
        return self.sentence.render([hypotheses or [] for hypotheses in self.hypotheses], target)


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


class _Bleu(BLEU):
    def _compute_score_from_stats(self, stats: list[int]) -> BLEUScore:
        return _plain(super()._compute_score_from_stats(stats))


class _Chrf(CHRF):
    def _compute_score_from_stats(self, stats: list[int]) -> CHRFScore:
        return _plain(super()._compute_score_from_stats(stats))


def _plain(score: AnyScore) -> AnyScore:
    """A score as a Python float.

    sacreBLEU's are NumPy's, but for those that are 0: Python's statistics can't take the mean of both kinds, which a
    model that has just begun to learn brings about, as some of the resamples then score 0 and others don't.
    """
    score.score = float(score.score)
    return score


def score_translations(
    hypotheses: Sequence[str], references: Sequence[str], config: EvaluationConfig
) -> dict[str, Any]:
    """sacreBLEU and chrF2 with their signatures and 95% bootstrap intervals."""
    scores: dict[str, Any] = {}
    for name, metric in (("bleu", _Bleu(tokenize=config.bleu_tokenize, force=True)), ("chrf2", _Chrf())):
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
    known: KnownWords | None = None,
) -> dict[str, Any]:
    """Score the translations of pairs (source, reference), made as `translate_texts` does."""
    hypotheses = translate_texts(model, tokenizer, [source for source, _ in pairs], target, config, precision, known)
    return {
        **score_translations(hypotheses, [reference for _, reference in pairs], config),
        "beam_size": config.beam_size,
        "length_penalty": config.length_penalty,
        "sentences": len(pairs),
    }


def evaluate_directions(
    model: Translator,
    tokenizer: Tokenizer,
    pairs: Pairs,
    config: EvaluationConfig,
    precision: str = "float32",
    known: KnownWords | None = None,
) -> dict[str, Any]:
    """`evaluate_translator` in every direction of the model, of pairs in the order of its languages.

    `bleu_untranslated` is the BLEU of the sources themselves.
    """
    first = model.config.languages[0]
    scores = {}
    for source, target in model.config.directions:
        turned = pairs if source == first else [(right, left) for left, right in pairs]
        sources, references = [text for text, _ in turned], [text for _, text in turned]
        copied = _Bleu(tokenize=config.bleu_tokenize, force=True).corpus_score(sources, [references]).score
        scored = evaluate_translator(model, tokenizer, turned, target, config, precision, known)
        scores[f"{source}-{target}"] = scored | {"bleu_untranslated": copied}
    return scores
