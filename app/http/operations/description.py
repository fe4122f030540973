"""Descriptions of pictures."""

from itertools import pairwise
from typing import Any

from app.catalog.registry import Registry
from app.engine.jobs import Caption, DescribeJob
from app.http.operations.operation import Operation
from app.http.schemas.describe import ColumnAttention, DescribedWord, DescribeReply, DescribeRequest, PictureSize
from app.pictures import SentPicture
from models.pictures import MULTIPLE


def describe(body: DescribeRequest, picture: SentPicture, registry: Registry) -> Operation[DescribeReply]:
    """picture is the body's, decoded. Raises ModelNotFound or NoModel."""
    served, language = registry.for_picture(body.model, body.language)
    job = DescribeJob(picture.line.pixels.tobytes(), language, body.attention)

    def reply(caption: Caption) -> DescribeReply:
        pairs = zip(caption.words, caption.probabilities, strict=True)
        fields: dict[str, Any] = {"attention": _attention(caption, picture, job.steps)} if body.attention else {}
        return DescribeReply(
            model=served.name,
            language=language,
            text=" ".join(caption.words),
            words=[DescribedWord(word=word, probability=probability) for word, probability in pairs],
            size=PictureSize(width=picture.width, height=picture.height),
            **fields,
        )

    return Operation.of_one_job(job, served, reply)


def _attention(caption: Caption, picture: SentPicture, steps: int) -> ColumnAttention:
    edges = [picture.left + MULTIPLE * step * picture.scale for step in range(steps + 1)]
    columns = [list(pair) for pair in pairwise(edges)]
    return ColumnAttention(columns=columns, weights=[list(row) for row in caption.attention])
