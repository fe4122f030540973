"""Translation."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.catalog.registry import ChosenDirection, Registry, Served
from app.engine.jobs import SentenceEvent, TranslateJob, Translation
from app.errors import InvalidRequest
from app.http.event_ids import EventIds
from app.http.operations.batches import Batches
from app.http.operations.operation import Operation
from app.http.schemas import translate as schemas
from app.http.schemas.base import TextOrTexts, as_list
from app.http.schemas.translate import TranslateReply, TranslateRequest, TranslateResult
from models.text.html import visible_text

BatchKey = tuple[Served, str, bool]
"""The model of a batch of texts, their target language, and whether they are in it already."""


def translate(
    body: TranslateRequest, registry: Registry, last_event_id: str | None = None
) -> Operation[TranslateReply]:
    """Raises Conflict, InvalidRequest, ModelNotFound or NoModel."""
    texts = texts_to_detect(body.text, body.format)
    directions = registry.for_translation(body.model, texts, body.source, body.target)
    if body.prefix and directions[0].unchanged:
        raise InvalidRequest("the text is in the target language already, and is returned as it is", "prefix")
    batches = translation_batches(as_list(body.text), directions, consecutive=body.stream)

    def make_job(texts: tuple[str, ...], key: BatchKey) -> tuple[TranslateJob, Served]:
        served, target, unchanged = key
        job = TranslateJob(
            texts=texts,
            target=target,
            beam_size=body.beam_size,
            length_penalty=body.length_penalty,
            alternatives=body.alternatives,
            attention=body.attention,
            stream=body.stream,
            format=body.format,
            unchanged=unchanged,
            prefix=body.prefix,
            top_tokens=body.top_tokens,
        )
        return job, served

    def reply(results: Sequence[Sequence[Translation]]) -> TranslateReply:
        translations = batches.in_order(results)
        own_fields = _own_fields(directions)
        return TranslateReply(
            model=directions[0].served.name,
            source=body.source,
            target=directions[0].target,
            results=[
                _result(body, direction, translation, own)
                for direction, translation, own in zip(directions, translations, own_fields, strict=True)
            ],
        )

    def piece_of_reply(index: int, piece: SentenceEvent) -> SentenceEvent:
        return replace(piece, index=batches.indices[index][piece.index])

    jobs = batches.jobs(make_job)
    ids = EventIds.after(last_event_id if body.stream else None, [served for _, served in jobs], 0, 0)
    return Operation(jobs, reply, ids, piece_of_reply)


def texts_to_detect(texts: TextOrTexts, text_format: str) -> TextOrTexts:
    """The texts by which a request's languages are detected: of HTML, those that a reader sees."""
    if text_format != "html":
        return texts
    return visible_text(texts) if isinstance(texts, str) else [visible_text(text) for text in texts]


def translation_batches(
    texts: Sequence[str], directions: Sequence[ChosenDirection], consecutive: bool = False
) -> Batches[BatchKey]:
    """Texts grouped by their model and target language, and whether they stay as they are."""
    keys = [(direction.served, direction.target, direction.unchanged) for direction in directions]
    return Batches(texts, keys, consecutive)


def _own_fields(directions: Sequence[ChosenDirection]) -> list[dict[str, Any]]:
    """The model and the target of each result, where the texts have several."""
    several_models = len({direction.served for direction in directions}) > 1
    several_targets = len({direction.target for direction in directions}) > 1
    return [
        {
            **({"model": direction.served.name} if several_models else {}),
            **({"target": direction.target} if several_targets else {}),
        }
        for direction in directions
    ]


def _result(
    body: TranslateRequest, direction: ChosenDirection, translation: Translation, own: dict[str, Any]
) -> TranslateResult:
    fields: dict[str, Any] = {
        "text": translation.text,
        "score": translation.score,
        "quality": translation.quality,
        **own,
    }
    if direction.unchanged:
        fields["unchanged"] = True
    if body.source == "auto":
        fields["detected"] = schemas.Detected.model_validate(direction.source)
    if body.alternatives:
        fields["alternatives"] = list(translation.alternatives)
    if body.attention and (attention := translation.attention):
        fields["attention"] = schemas.Attention(
            source_tokens=list(attention.source_tokens),
            target_tokens=list(attention.target_tokens),
            weights=[list(row) for row in attention.weights],
        )
    if body.top_tokens:
        fields["tokens"] = [
            schemas.TargetToken(
                token=token.token,
                start=token.start,
                end=token.end,
                probability=token.probability,
                top=[schemas.LikelyToken(token=text, probability=probability) for text, probability in token.top],
            )
            for token in translation.tokens
        ]
    return TranslateResult.model_validate(fields)
