"""Translating texts, sentence by sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.engine.jobs import AttentionMap, TranslateJob, Translation
from app.errors import InvalidRequest
from models.batch import pad
from models.checkpoint import Checkpoint
from models.search import Hypothesis, SearchConfig, source_ids, translate
from models.sentences import begin_as, split_sentences
from models.tokenizer import Tokenizer
from models.translator import Translator

BATCH_TOKENS = 16_384  # source tokens of all beams of a batch together, padding included
MAX_ATTENTION_TOKENS = 512  # the map grows with the square of it


@dataclass(frozen=True)
class _Part:
    """A sentence of a text of a job."""

    text: str
    ids: list[int]


def translate_jobs(checkpoint: Checkpoint, jobs: Sequence[TranslateJob]) -> list[list[Translation]]:
    """Search for each job's sentences, those of like length together.

    Raises InvalidRequest where attention is wanted for more than MAX_ATTENTION_TOKENS.
    """
    return [_translate(checkpoint, job) for job in jobs]


def _translate(checkpoint: Checkpoint, job: TranslateJob) -> list[Translation]:
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    assert isinstance(model, Translator)
    split = [split_sentences(text) for text in job.texts]
    parts = [
        _Part(sentence.text, source_ids(model, tokenizer, sentence.text, job.target))
        for sentences in split
        for sentence in sentences
    ]
    source_tokens = sum(len(part.ids) for part in parts)
    if job.attention and source_tokens > MAX_ATTENTION_TOKENS:
        raise InvalidRequest(
            f"attention is given for at most {MAX_ATTENTION_TOKENS} source tokens; given: {source_tokens}", "/attention"
        )
    found = _search(model, tokenizer, job, parts)
    results, position = [], 0
    for text, sentences in zip(job.texts, split, strict=True):
        own = range(position, position + len(sentences))
        position += len(sentences)
        gaps = [text[left.end : right.start] for left, right in pairwise(sentences)]
        results.append(_join([parts[index] for index in own], [found[index] for index in own], gaps, tokenizer, job))
    return results


def _search(model: Translator, tokenizer: Tokenizer, job: TranslateJob, parts: list[_Part]) -> list[list[Hypothesis]]:
    """Hypotheses of each part, the best first."""
    order = sorted(range(len(parts)), key=lambda index: len(parts[index].ids))
    found: list[list[Hypothesis]] = [[] for _ in parts]
    begin = 0
    while begin < len(order):
        end = begin + 1
        while end < len(order) and (end + 1 - begin) * job.beam_size * len(parts[order[end]].ids) <= BATCH_TOKENS:
            end += 1
        chosen, begin = order[begin:end], end
        batch = pad([parts[index].ids for index in chosen]).to(model.bias.device)
        config = SearchConfig(job.beam_size, job.length_penalty, keep_attention=job.attention)
        for index, hypotheses in zip(chosen, translate(model, batch, tokenizer.end_id, config), strict=True):
            found[index] = hypotheses
    return found


def _join(
    parts: list[_Part], found: list[list[Hypothesis]], gaps: list[str], tokenizer: Tokenizer, job: TranslateJob
) -> Translation:
    """Put the sentences of a text together again, with the white space that stood between them."""
    spaces = [*gaps, ""]

    def text_of(rank: int) -> str:
        chosen = [hypotheses[min(rank, len(hypotheses) - 1)] for hypotheses in found]
        texts = (
            begin_as(tokenizer.decode(best.ids), part.text, job.target)
            for best, part in zip(chosen, parts, strict=True)
        )
        return "".join(text + space for text, space in zip(texts, spaces, strict=True))

    best = text_of(0)
    others = [text for rank in range(1, job.beam_size) if (text := text_of(rank)) != best]
    score = sum(hypotheses[0].score for hypotheses in found) / len(found)
    attention = _attention(parts, [hypotheses[0] for hypotheses in found], tokenizer, job) if job.attention else None
    return Translation(best, score, tuple(dict.fromkeys(others))[: job.alternatives], attention)


def _attention(parts: list[_Part], best: list[Hypothesis], tokenizer: Tokenizer, job: TranslateJob) -> AttentionMap:
    """The maps of all sentences as blocks of one: no sentence looks into another."""
    source_tokens: list[str] = []
    target_tokens: list[str] = []
    blocks: list[tuple[int, list[list[float]]]] = []
    for part, hypothesis in zip(parts, best, strict=True):
        rows = hypothesis.attention.tolist() if hypothesis.attention is not None else []
        blocks.append((len(source_tokens), [row[: len(part.ids)] for row in rows]))  # less the padding
        source_tokens += [f"<{job.target}>", *_names(tokenizer, part.ids[1:])]
        target_tokens += _names(tokenizer, [*hypothesis.ids, *([tokenizer.end_id] if hypothesis.finished else [])])
    width = len(source_tokens)
    weights = [(*[0.0] * offset, *row, *[0.0] * (width - offset - len(row))) for offset, rows in blocks for row in rows]
    return AttentionMap(tuple(source_tokens), tuple(target_tokens), tuple(weights))


def _names(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    return [tokenizer.surface(index).decode("utf-8", errors="replace") or "</s>" for index in ids]
