"""POST /generate."""

import secrets
from json import dumps
from typing import Any

from sse_starlette import EventSourceResponse

from app.engine.jobs import Choice, GenerateJob, Generation, TokenEvent, TokenScore
from app.engine.snapshot import Snapshot
from app.http.dependencies import ClientDep, EngineDep, MemoriesDep, SettingsDep
from app.http.events import EventIds, LastEventId, NativeFormatter, event
from app.http.schemas.generate import (
    GenerateChoice,
    GeneratedToken,
    GenerateReply,
    GenerateRequest,
    StreamedToken,
    TokenLogprob,
    Usage,
)  # fmt: skip
from app.http.sse import stream
from models.sampling import SamplingConfig


async def generate(
    body: GenerateRequest,
    engine: EngineDep,
    client: ClientDep,
    memories: MemoriesDep,
    settings: SettingsDep,
    last_event_id: LastEventId = None,
) -> GenerateReply | EventSourceResponse:
    """Go on with a prompt.

    The same seed gives the same text, alone and beside other requests, streamed or not. With `stream`,
    the reply is Server-Sent Events: `token` for each piece of text, `done` at the end, or `error`. A stream
    that was cut goes on where the same request is sent with the last id that came, as `Last-Event-ID`.

    With `return_state`, the reply has the model's memory in `state`, and another request can go on from
    there: a text made in ten requests is the text made in one. The end of a text that could be the beginning
    of a stop string, or of a character, is handed out by the next request.
    """
    snapshot = memories.open(body.state, body.prompt, "prompt")
    model = engine.registry.for_prompt(body.model, body.prompt, snapshot.model if snapshot else None)
    last = last_event_id if body.stream else None
    ids = EventIds.after(last, model, _seed(body.seed, snapshot), secrets.randbelow(2**31))
    job = GenerateJob(
        prompt=body.prompt,
        max_new_tokens=body.max_new_tokens,
        sampling=SamplingConfig(body.temperature, body.top_k, body.top_p, body.repetition_penalty),
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
    ticket = await client.submit(engine, job, model)

    def finish(result: Generation) -> GenerateReply:
        choices = [_choice(index, choice, told=body.stream) for index, choice in enumerate(result.choices)]
        usage = Usage.model_validate(result)
        return GenerateReply(
            model=model.name, choices=choices, usage=usage, seed=ids.seed, **memories.seal(result.snapshot)
        )

    if body.stream:
        formatter = NativeFormatter("/generate", ids, _token_event, finish)
        return await stream(client, engine, [ticket], formatter, settings)
    return finish(await client.result(ticket))


def _seed(given: int | None, snapshot: Snapshot | None) -> int | None:
    """The request's seed, or that of what it goes on from."""
    if given is None and snapshot and snapshot.sampling:
        return snapshot.sampling.seed
    return given


def _token_event(identifier: str, piece: TokenEvent) -> bytes:
    if piece.score is None:
        return event("token", identifier, f'{{"index":{piece.choice},"text":{dumps(piece.text)}}}')
    token = StreamedToken(index=piece.choice, text=piece.text, token=_token(piece.score))
    return event("token", identifier, token.model_dump_json())


def _choice(index: int, choice: Choice, told: bool) -> GenerateChoice:
    """A choice; of one that was streamed, only how it ended."""
    made: dict[str, Any] = {"index": index, "finish_reason": choice.finish_reason}
    if not told:
        made["text"] = choice.text
        if choice.tokens:
            made["tokens"] = [_token(token) for token in choice.tokens]
    return GenerateChoice.model_validate(made)


def _token(token: TokenScore) -> GeneratedToken:
    top = [TokenLogprob.model_validate(other) for other in token.top]
    return GeneratedToken(id=token.id, text=token.text, logprob=token.logprob, top=top)
