"""Drawing."""

import base64
import binascii
import secrets
from collections.abc import Sequence
from typing import Any

from app.catalog.registry import Registry, Served
from app.engine.jobs import Drawing, DrawJob
from app.errors import InvalidRequest
from app.http.event_ids import EventIds
from app.http.operations.operation import Operation
from app.http.schemas.base import is_blank
from app.http.schemas.draw import MAX_SCALE, DrawnImage, DrawReply, DrawRequest, DrawUsage
from models.errors import ModelError
from models.networks.pixel_rnn import PixelRNNConfig
from models.png import png_of, rows_of
from models.runtime.pixel_rnn import DEFAULT_GUIDANCE
from models.text.named_classes import class_named


def draw(body: DrawRequest, registry: Registry, last_event_id: str | None = None) -> Operation[DrawReply]:
    """Raises Conflict, InvalidRequest, ModelNotFound or NoModel."""
    served = registry.for_use("image", body.model)
    ids = EventIds.after(last_event_id if body.stream else None, [served], body.seed, secrets.randbelow(2**31))
    top = _top(body.top, served)
    options: dict[str, Any] = {
        "temperature": body.temperature,
        "guidance": body.guidance,
        "top": top,
        "stream": body.stream,
    }
    job = draw_job(served, body.prompt, body.n, ids.seed, **options)

    def reply(result: Drawing) -> DrawReply:
        names = served.checkpoint.model.config.classes
        subject = {"subject": names[job.subject][0]} if job.subject < len(names) else {}
        return DrawReply(
            model=served.name,
            images=[
                DrawnImage(
                    index=index,
                    png=base64.b64encode(png_of(image.rows, body.scale)).decode(),
                    rows=list(image.rows),
                    logprob=image.logprob,
                )
                for index, image in enumerate(result.images)
            ],
            usage=DrawUsage.model_validate(result),
            seed=ids.seed,
            **subject,
        )

    return Operation.of_one_job(job, served, reply, ids)


def draw_job(
    served: Served, prompt: str, n: int, seed: int, guidance: float = DEFAULT_GUIDANCE, **options: Any
) -> DrawJob:
    """A job for n images of what a prompt names. Raises InvalidRequest where it names nothing, or several things."""
    config: PixelRNNConfig = served.checkpoint.model.config
    try:
        subject = len(config.classes) if is_blank(prompt) else class_named(prompt, config.classes)
    except ModelError as error:
        raise InvalidRequest(str(error), "prompt") from None
    further = {"guidance": guidance, "prompt_tokens": len(prompt.split()), **options}
    return DrawJob(subject, n, seed, config.height, config.width, **further)


def scale_of(width: int | None, height: int | None, served: Served, field: str) -> int:
    """How many times larger than a model's images those of a size are; 1 without a size.

    Raises InvalidRequest where a size is no whole multiple.
    """
    config: PixelRNNConfig = served.checkpoint.model.config
    sides = ((width, config.width), (height, config.height))
    factors = {1 if side is None else side / own for side, own in sides}
    scale, *others = sorted(factors)
    if others or not 1 <= scale <= MAX_SCALE or scale != int(scale):
        largest = f"{config.width * MAX_SCALE}x{config.height * MAX_SCALE}"
        raise InvalidRequest(f"it must be {config.width}x{config.height}, or a whole multiple up to {largest}", field)
    return int(scale)


def _top(top: str | Sequence[str], served: Served) -> tuple[str, ...]:
    """The rows that are known. Raises InvalidRequest for others than of the model's size."""
    config: PixelRNNConfig = served.checkpoint.model.config
    if isinstance(top, str):
        try:
            png = base64.b64decode(top, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidRequest("it is neither a list of rows nor a PNG in base64", "top") from None
        try:
            return rows_of(png, config.width, config.height)
        except ModelError as error:
            raise InvalidRequest(str(error), "top") from None
    if len(top) > config.height:
        raise InvalidRequest(f"it has {len(top)} rows; the model's images have {config.height}", "top")
    for number, row in enumerate(top):
        if len(row) != config.width:
            raise InvalidRequest(f"it has {len(row)} pixels; the model's rows have {config.width}", f"top/{number}")
    return tuple(top)
