"""What the command `draw` does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from app.cli.answering import PROMPT, answer_bodies, body_of
from app.cli.environment import settings_of
from app.cli.input import read_texts
from app.http import operations
from app.http.schemas.draw import DrawReply, DrawRequest
from models.errors import CheckpointError
from models.files import write_atomic, writing
from models.png import grid_of, png_of

COLUMNS = 8
"""Images in a line."""
HALVES = {"00": " ", "10": "▀", "01": "▄", "11": "█"}
"""A character for two pixels, one above the other."""


def draw(
    texts: list[str] | None, lines: bool, json: bool, checkpoints: Path | None, out: Path | None, **options: Any
) -> None:
    settings = settings_of(checkpoints=checkpoints)
    if out is not None and not out.parent.is_dir():
        raise CheckpointError(f"{out.parent}: no such folder")
    if out is not None and out.suffix.lower() not in ("", ".png"):
        raise CheckpointError(f"{out}: the images are written as PNG; name a .png file")
    prompts = read_texts(texts, lines, settings, PROMPT)
    bodies = [body_of(DrawRequest, settings, prompt=prompt, **options) for prompt in prompts]
    images: list[Sequence[str]] = []

    def keep(reply: DrawReply) -> None:
        images.extend(image.rows for image in reply.images)

    def show(_: DrawRequest, reply: DrawReply) -> None:
        if out is None:
            for image in reply.images:
                typer.echo(blocks(image.rows))

    answer_bodies("image", operations.draw, bodies, settings, show, json, keep)
    if out is not None:
        with writing(out):
            write_atomic(out, png_of(grid_of(images, min(COLUMNS, len(images))), options["scale"]))


def blocks(rows: Sequence[str]) -> str:
    """An image in characters, two rows a line."""
    pairs = zip(rows[::2], [*rows[1::2], "0" * len(rows[0])], strict=False)
    return "\n".join("".join(HALVES[a + b] for a, b in zip(*pair, strict=True)) for pair in pairs)
