"""The probabilities of the next word."""

import math
from typing import Any

from app.access.state_tokens import StateTokens
from app.catalog.registry import Registry
from app.engine.jobs import Prediction, PredictJob
from app.http.operations.operation import Operation
from app.http.schemas.base import check_text_or_state
from app.http.schemas.next_word_probs import NextWord, NextWordReply, NextWordRequest


def next_word_probs(body: NextWordRequest, registry: Registry, tokens: StateTokens) -> Operation[NextWordReply]:
    """Raises Conflict, InvalidRequest, ModelNotFound or NoModel."""
    check_text_or_state("text", body.text, body.state)
    snapshot = tokens.open(body.state)
    served = registry.for_prompt(body.model, body.text, snapshot.model if snapshot else None, body.language)
    turkish = "tr" in served.languages[:1]
    layout = (body.layout or ("turkish-q" if turkish else "qwerty")) if body.slips else ""
    job = PredictJob(
        text=body.text,
        top=body.top,
        unit=body.unit,
        partial=body.partial,
        candidates=tuple(body.candidates or ()),
        temperature=body.temperature,
        snapshot=snapshot,
        return_snapshot=body.return_state,
        layout=layout,
        whole_word=body.whole_word,
    )

    def slips(result: Prediction) -> list[dict[str, Any]]:
        """What is said of the slips behind each word; nothing where none were asked for."""
        if not body.slips:
            return [{}] * len(result.next)
        meant = result.meant or [("", 0.0)] * len(result.next)
        return [{"meant": letters if logprob else None, "slip_logprob": logprob + 0.0} for letters, logprob in meant]

    def reply(result: Prediction) -> NextWordReply:
        words = [
            NextWord(word=word, probability=probability, logprob=math.log(probability) if probability else None, **slip)
            for (word, probability), slip in zip(result.next, slips(result), strict=True)
        ]
        state = tokens.seal(result.snapshot)
        return NextWordReply(model=served.name, unit=body.unit, next=words, other=result.other, end=result.end, **state)

    return Operation.of_one_job(job, served, reply)
