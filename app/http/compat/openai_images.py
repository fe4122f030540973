"""POST /v1/images/generations, for clients of OpenAI's API."""

import base64
import secrets
import time

from app.engine.jobs import Drawing
from app.http.dependencies import ClientDep, EngineDep
from app.http.operations.drawing import draw_job, scale_of
from app.http.replies import decoded
from app.http.schemas.openai import Image, ImageRequest, ImagesReply, ImageTokens, ImageUsage
from models.png import png_of


async def images(body: ImageRequest, engine: EngineDep, client: ClientDep) -> ImagesReply:
    """Draw what a prompt names. docs/images.md lists the differences to OpenAI's API."""
    served = engine.registry.for_use("image", body.model)
    width, height = map(int, body.size.split("x")) if body.size != "auto" else (None, None)
    scale = scale_of(width, height, served, "size")
    job = draw_job(served, body.prompt, body.n, secrets.randbelow(2**31) if body.seed is None else body.seed)
    drawing: Drawing = await client.result(await client.submit(engine, job, served))
    pngs = [await decoded(png_of, image.rows, scale) for image in drawing.images]
    total = drawing.prompt_tokens + drawing.generated_tokens
    return ImagesReply(
        created=int(time.time()),
        data=[Image(b64_json=base64.b64encode(png).decode()) for png in pngs],
        size=f"{job.width * scale}x{job.height * scale}",
        usage=ImageUsage(
            input_tokens=drawing.prompt_tokens,
            input_tokens_details=ImageTokens(text_tokens=drawing.prompt_tokens),
            output_tokens=drawing.generated_tokens,
            total_tokens=total,
        ),
    )
