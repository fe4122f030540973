"""POST /summarize."""

from fastapi import Response

from app.http import operations
from app.http.dependencies import ClientDep, EngineDep
from app.http.replies import answer, prepared
from app.http.schemas.base import as_list
from app.http.schemas.summarize import SummarizeReply, SummarizeRequest


async def summarize(body: SummarizeRequest, engine: EngineDep, client: ClientDep) -> SummarizeReply | Response:
    """Summarize a text, or several, each by the model for its language.

    With `words`, where in the text each word of the summary was copied from, and the share of its probability that
    comes from copying.
    """
    characters = sum(map(len, as_list(body.text)))
    return await answer(await prepared(characters, operations.summarize, body, engine.registry), client, engine)
