"""POST /generate."""

from json import dumps

from fastapi import Response

from app.engine.jobs import TokenEvent
from app.http import operations
from app.http.dependencies import ClientDep, EngineDep, LastEventId, SettingsDep, StateTokensDep
from app.http.events import event, stream_native
from app.http.operations.generation import generated_token
from app.http.replies import answer
from app.http.schemas.generate import GenerateReply, GenerateRequest, StreamedToken


async def generate(
    body: GenerateRequest,
    engine: EngineDep,
    client: ClientDep,
    tokens: StateTokensDep,
    settings: SettingsDep,
    last_event_id: LastEventId = None,
) -> GenerateReply | Response:
    """Continue a prompt.

    The same seed gives the same text, alone and beside other requests, streamed or not. With `stream`,
    the reply is Server-Sent Events: `token` for each piece of text, `done` at the end, or `error`. A stream
    that was interrupted resumes when the same request is sent with the last event's id as `Last-Event-ID`.

    With `return_state`, the reply has the model's state in `state`, from which another request can continue:
    a text generated in ten requests is the text generated in one. The end of a text that could be the start
    of a stop string, or of a character, is returned by the next request.
    """
    operation = operations.generate(body, engine.registry, tokens, last_event_id)
    if body.stream:
        return await stream_native("/generate", operation, _token_event, client, engine, settings)
    return await answer(operation, client, engine)


def _token_event(identifier: str, piece: TokenEvent) -> bytes:
    if piece.score is None:
        return event("token", identifier, f'{{"index":{piece.choice},"text":{dumps(piece.text)}}}')
    token = StreamedToken(index=piece.choice, text=piece.text, token=generated_token(piece.score))
    return event("token", identifier, token.model_dump_json())
