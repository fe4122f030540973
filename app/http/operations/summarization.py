"""Summarization."""

from collections.abc import Sequence
from typing import Any

from app.catalog.registry import Registry, Served
from app.engine.jobs import SummarizeJob, Summary
from app.errors import InvalidRequest
from app.http.operations.batches import Batches
from app.http.operations.operation import Operation
from app.http.schemas.base import as_list
from app.http.schemas.summarize import Source, SummarizeReply, SummarizeRequest, SummarizeResult, SummaryWord


def summarize(body: SummarizeRequest, registry: Registry) -> Operation[SummarizeReply]:
    """Raises InvalidRequest for a text without letters, ModelNotFound or NoModel."""
    for index, text in enumerate(as_list(body.text)):
        if not any(map(str.isalpha, text)):
            field = "text" if isinstance(body.text, str) else f"text/{index}"
            raise InvalidRequest("it has no letters, so there is nothing to summarize", field)
    models = registry.for_texts("summarizer", body.model, body.text, body.language)
    batches = Batches(as_list(body.text), models)
    several = len(batches.indices) > 1

    def make_job(texts: tuple[str, ...], served: Served) -> tuple[SummarizeJob, Served]:
        return SummarizeJob(texts, body.max_new_tokens, body.beam_size, body.length_penalty, body.words), served

    def reply(results: Sequence[Sequence[Summary]]) -> SummarizeReply:
        pairs = zip(models, batches.in_order(results), strict=True)
        return SummarizeReply(
            model=models[0].name,
            results=[_result(summary, body.words, served.name if several else None) for served, summary in pairs],
        )

    return Operation(batches.jobs(make_job), reply)


def _result(summary: Summary, words: bool, model: str | None) -> SummarizeResult:
    """model is that of the text, where the texts have several."""
    fields: dict[str, Any] = {
        "summary": summary.text,
        "score": summary.score,
        "finish_reason": "end" if summary.finished else "length",
        "read_characters": summary.read_characters,
    }
    if model is not None:
        fields["model"] = model
    if words:
        fields["words"] = [
            SummaryWord(
                word=summary.text[word.start : word.end],
                start=word.start,
                end=word.end,
                copied=word.copied,
                source=Source(start=word.source[0], end=word.source[1]) if word.source else None,
            )
            for word in summary.words
        ]
    return SummarizeResult.model_validate(fields)
