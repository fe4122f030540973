"""POST /describe."""

from fastapi import Response

from app.http import operations
from app.http.dependencies import ClientDep, EngineDep, SettingsDep
from app.http.replies import answer, decoded
from app.http.schemas.describe import DescribeReply, DescribeRequest
from app.pictures import read_picture


async def describe(
    body: DescribeRequest, engine: EngineDep, client: ClientDep, settings: SettingsDep
) -> DescribeReply | Response:
    """Say in words what a picture shows: one line of handwritten digits, dark on light or light on dark, of any size.

    The body is the picture itself under its media type, a form with a file, or JSON with the picture in base64.
    """
    picture = await decoded(read_picture, body.image, settings.max_image_pixels)
    return await answer(operations.describe(body, picture, engine.registry), client, engine)
