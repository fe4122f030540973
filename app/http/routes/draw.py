"""POST /draw."""

from fastapi import Response

from app.engine.jobs import RowEvent
from app.http import operations
from app.http.dependencies import ClientDep, EngineDep, LastEventId, SettingsDep
from app.http.events import event, stream_native
from app.http.replies import decoded
from app.http.schemas.draw import DrawnRow, DrawReply, DrawRequest


async def draw(
    body: DrawRequest,
    engine: EngineDep,
    client: ClientDep,
    settings: SettingsDep,
    last_event_id: LastEventId = None,
) -> DrawReply | Response:
    """Draw images of what the prompt names, pixel by pixel from the top left.

    The same seed gives the same images, alone and beside other requests, streamed or not. With `top`, the upper rows
    are there already, and the rest is drawn below them. With `stream`, the reply is Server-Sent Events: `row` for each
    row of each image, with the probability of each pixel, `done` with the whole reply at the end, or `error`. A stream
    that was interrupted resumes when the same request is sent with the last event's id as `Last-Event-ID`.
    """
    operation = operations.draw(body, engine.registry, last_event_id)
    if body.stream:
        return await stream_native("/draw", operation, _row_event, client, engine, settings)
    results = await client.results(await client.submit_all(engine, operation.jobs))
    return await decoded(operation.reply, results)  # images that are made larger take long


def _row_event(identifier: str, piece: RowEvent) -> bytes:
    return event("row", identifier, DrawnRow.model_validate(piece).model_dump_json())
