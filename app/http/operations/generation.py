"""Generation."""

import secrets
from typing import Any

from app.access.state_tokens import StateTokens
from app.catalog.registry import Registry
from app.engine.jobs import Choice, GenerateJob, Generation, TokenScore
from app.engine.snapshot import Snapshot
from app.http.event_ids import EventIds
from app.http.operations.operation import Operation
from app.http.schemas.base import check_text_or_state
from app.http.schemas.generate import (
    GenerateChoice,
    GeneratedToken,
    GenerateReply,
    GenerateRequest,
    TokenLogprob,
    Usage,
)
from models.sampling import SamplingConfig


def generate(
    body: GenerateRequest, registry: Registry, tokens: StateTokens, last_event_id: str | None = None
) -> Operation[GenerateReply]:
    """Raises Conflict, InvalidRequest, ModelNotFound or NoModel."""
    check_text_or_state("prompt", body.prompt, body.state)
    snapshot = tokens.open(body.state)
    served = registry.for_prompt(body.model, body.prompt, snapshot.model if snapshot else None, body.language)
    last = last_event_id if body.stream else None
    ids = EventIds.after(last, [served], _seed(body, snapshot), secrets.randbelow(2**31))
    job = GenerateJob(
        prompt=body.prompt,
        max_new_tokens=body.max_new_tokens,
        sampling=SamplingConfig(
            body.temperature, body.top_k, body.top_p, body.repetition_penalty, typical_p=body.typical_p
        ),
        seed=ids.seed,
        stop=tuple(body.stop),
        choices=body.n,
        scored=body.logprobs > 0,
        top_logprobs=body.logprobs,
        stream=body.stream,
        min_new_tokens=body.min_new_tokens,
        snapshot=snapshot,
        return_snapshot=body.return_state,
    )

    def reply(result: Generation) -> GenerateReply:
        return GenerateReply(
            model=served.name,
            choices=[_choice(index, choice, body.stream) for index, choice in enumerate(result.choices)],
            usage=Usage.model_validate(result),
            seed=ids.seed,
            **tokens.seal(result.snapshot),
        )

    return Operation.of_one_job(job, served, reply, ids)


def generated_token(token: TokenScore) -> GeneratedToken:
    top = [TokenLogprob.model_validate(other) for other in token.top]
    return GeneratedToken(id=token.id, text=token.text, logprob=token.logprob, top=top)


def _seed(body: GenerateRequest, snapshot: Snapshot | None) -> int | None:
    """The request's seed, or that of the state."""
    if body.seed is None and snapshot and snapshot.sampling:
        return snapshot.sampling.seed
    return body.seed


def _choice(index: int, choice: Choice, streamed: bool) -> GenerateChoice:
    """A choice; one that was streamed has no text, since the client has it."""
    fields: dict[str, Any] = {"index": index, "finish_reason": choice.finish_reason}
    if not streamed:
        fields["text"] = choice.text
        if choice.tokens:
            fields["tokens"] = [generated_token(token) for token in choice.tokens]
    return GenerateChoice.model_validate(fields)
