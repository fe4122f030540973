"""Examples of what a model answers to text that it was not trained on, for its card. Nobody chose them."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from models.batch import pad
from models.checkpoint import Checkpoint
from models.decoding.beam_search import SearchConfig
from models.decoding.summaries import DEFAULT_BEAM_SIZE
from models.errors import DataError
from models.kinds import kind_named
from models.networks.summarizer import Summarizer
from models.networks.translator import Translator
from models.quality import Quality, features, of_text
from models.runtime.build import has_int8
from models.runtime.interface import ClassifierRuntime, LanguageRuntime, TranslatorRuntime
from models.sampling import SamplingConfig, SamplingStep, random_key, uniforms
from models.text.tokenizers import Tokenizer
from models.text.visibility import Visibility
from trainer.data.corpus import usable
from trainer.data.files import Row
from trainer.data.sources import Source
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.summarization import summaries
from trainer.evaluation.translation import Translated, translate_passages

MAX_NEW_TOKENS = 64
OPENING_WORDS = 4


def examples(loaded: Checkpoint, sources: Sequence[Source], count: int, seed: int) -> dict[str, Any]:
    """The content of examples.json: of each source, `count` random rows with the model's answer.

    A language model continues the first OPENING_WORDS words of the texts, with the seeds 1 to count, as `/generate`
    does by default. A translator translates half of the pairs in each direction. Raises DataError for a source without
    a row.
    """
    kind = kind_named(loaded.kind)
    runtime = kind.runtime(loaded.model, "int8" if has_int8(loaded.model) else "float32", 0)
    data = []
    for source in sources:
        rows = list(usable(source.rows(), kind.text_columns))
        if not rows:
            raise DataError(f"{source.name}: no row without a blank text")
        sample = random.Random(seed).sample(rows, min(count, len(rows)))
        with torch.inference_mode():
            data.append({"data": source.describe(), "examples": _TASKS[kind.task](loaded, runtime, sample)})
    return {"seed": seed, "data": data}


def _continued(loaded: Checkpoint, runtime: LanguageRuntime, rows: Sequence[Row]) -> list[dict[str, str]]:
    openings = [" ".join(row[0].split()[:OPENING_WORDS]) for row in rows]
    texts = continuations(runtime, loaded.tokenizer, openings, range(1, len(rows) + 1))
    return [{"input": opening, "output": text} for opening, text in zip(openings, texts, strict=True)]


def continuations(
    runtime: LanguageRuntime, tokenizer: Tokenizer, openings: Sequence[str], seeds: Sequence[int]
) -> list[str]:
    """What `/generate` answers to each opening with its seed by default: up to its end, or MAX_NEW_TOKENS tokens."""
    prompts = [torch.tensor([tokenizer.end_id, *tokenizer.encode(opening)]) for opening in openings]
    state = runtime.prefill([ids[:-1] for ids in prompts], runtime.start(len(prompts)))
    ids = torch.stack([ids[-1] for ids in prompts])
    keys = np.array([random_key(seed, 0) for seed in seeds], np.uint64)
    scale = torch.full((len(prompts), 1), 1 / SamplingConfig().temperature)
    visibilities = [Visibility() for _ in prompts]
    sampled: list[list[int]] = []
    for index in range(MAX_NEW_TOKENS):
        uniform = torch.from_numpy(uniforms(keys, np.full(len(keys), index, np.uint64)))
        masked = torch.tensor([[runtime.vocabulary if text.visible else tokenizer.end_id] for text in visibilities])
        ids, _, state = runtime.sample(ids, state, SamplingStep(scale, uniform, masked), return_logits=False)
        sampled.append(ids.tolist())
        for text, token in zip(visibilities, sampled[-1], strict=True):
            text.push(tokenizer.surface(token))
    texts = []
    for prompt, row in zip(prompts, zip(*sampled, strict=True), strict=True):
        length = row.index(tokenizer.end_id) if tokenizer.end_id in row else len(row)
        before = prompt[1:].tolist()
        whole = tokenizer.decode([*before, *row[:length]])
        texts.append(whole[len(tokenizer.decode(before)) :])
    return texts


def _classified(loaded: Checkpoint, runtime: ClassifierRuntime, rows: Sequence[Row]) -> list[dict[str, str]]:
    ids = [loaded.tokenizer.encode(text) or [loaded.tokenizer.end_id] for text, _ in rows]
    logits, _ = runtime.classify(pad(ids), explain=False)
    probabilities = torch.softmax(logits.float(), dim=1)
    labels: Sequence[str] = loaded.model.config.labels
    return [
        {"input": text, "output": f"{labels[int(row.argmax())]}, {float(row.max()):.2f}", "expected": label}
        for (text, label), row in zip(rows, probabilities, strict=True)
    ]


def _translated(loaded: Checkpoint, runtime: TranslatorRuntime, rows: Sequence[Row]) -> list[dict[str, str]]:
    model = loaded.model
    assert isinstance(model, Translator)
    answers = []
    for index, (source, target) in enumerate(model.config.directions):
        side = model.config.languages.index(source)
        pairs = [(row[side], row[1 - side]) for row in rows[index :: len(model.config.directions)]]
        texts = [text for text, _ in pairs]
        translations = translate_passages(
            runtime, model, loaded.tokenizer, texts, target, SearchConfig(), loaded.known_words
        )
        for (text, reference), translated in zip(pairs, translations, strict=True):
            answer = {"input": text, "output": translated.text, "expected": reference}
            if loaded.quality:
                answer["quality"] = f"{_quality(loaded.quality, f'{source}-{target}', translated):.2f}"
            answers.append(answer)
    return answers


def _summarized(loaded: Checkpoint, runtime: TranslatorRuntime, rows: Sequence[Row]) -> list[dict[str, str]]:
    model = loaded.model
    assert isinstance(model, Summarizer)
    config = EvaluationConfig(beam_size=DEFAULT_BEAM_SIZE)
    answers = summaries(runtime, model, loaded.tokenizer, [text for text, _ in rows], config)
    return [
        {"input": text, "output": answer, "expected": summary}
        for (text, summary), answer in zip(rows, answers, strict=True)
    ]


def _quality(quality: Quality, direction: str, translated: Translated) -> float:
    return of_text(
        (quality.estimate(direction, features(inputs)), len(sentence)) for sentence, inputs in translated.sentences
    )


_TASKS: dict[str, Any] = {
    "language": _continued,
    "classifier": _classified,
    "translator": _translated,
    "summarizer": _summarized,
}
