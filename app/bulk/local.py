"""Answers parts in this process."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from app.bulk.answering import Answerer
from app.bulk.folder import Outcome, RunFolder
from app.bulk.plan import Part
from app.bulk.sources import Reader, Source
from models.errors import DataError


def answer(
    answerer: Answerer,
    folder: RunFolder,
    sources: Sequence[Source],
    parts: Sequence[Part],
    advance: Callable[[int], None],
) -> None:
    """Answer parts and write each to the folder; advance is called with the number of rows just answered.

    Slots stay full across the borders of parts. What was answered of a part that is cut off is dropped.
    """
    reader = Reader(sources)
    asyncio.run(_answer(answerer, reader, parts, folder.write, advance))


def answer_part(answerer: Answerer, reader: Reader, folder: RunFolder, part: Part) -> None:
    asyncio.run(_answer(answerer, reader, [part], folder.write, lambda _: None))


async def _answer(
    answerer: Answerer,
    reader: Reader,
    parts: Iterable[Part],
    write: Callable[[int, Sequence[Outcome]], None],
    advance: Callable[[int], None],
) -> None:
    outcomes = answerer.answers(row for part in parts for row in reader.rows(part))
    try:
        for part in parts:
            answered: list[Outcome] = []
            while len(answered) < part.rows:
                outcome = await anext(outcomes, None)
                if outcome is None:
                    raise DataError("an input has changed while it was read: begin anew with --overwrite")
                answered.append(outcome)
                advance(1)
            write(part.number, answered)
    finally:
        await outcomes.aclose()
