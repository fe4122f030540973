"""What the commands of `answers` do, with an engine of their own."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import typer
from pydantic import BaseModel

from app.access.state_tokens import StateTokens
from app.catalog.registry import Registry
from app.cli.environment import settings_of
from app.cli.input import Limit, read_file, read_texts
from app.cli.options import passed
from app.factories import load_registry, make_engine, make_sealer
from app.http import operations
from app.http.clients import LocalClient
from app.http.operations.operation import Operation, run
from app.http.schemas.base import Request
from app.http.schemas.classify import ClassifyReply, ClassifyRequest
from app.http.schemas.describe import DescribeReply, DescribeRequest
from app.http.schemas.generate import GenerateReply, GenerateRequest
from app.http.schemas.limits import limited
from app.http.schemas.next_word_probs import NextWordReply, NextWordRequest
from app.http.schemas.summarize import SummarizeReply, SummarizeRequest
from app.http.schemas.transcribe import TranscribeReply, TranscribeRequest
from app.http.schemas.translate import TranslateReply, TranslateRequest
from app.pictures import read_picture
from app.settings import Settings
from models.quality import LOW

BodyT = TypeVar("BodyT", bound=Request)
PROMPT, TEXT, SOURCE = Limit("max_prompt_characters"), Limit("max_text_characters"), Limit("max_source_characters")


def generate(texts: list[str] | None, lines: bool, json: bool, checkpoints: Path | None, **options: Any) -> None:
    settings = settings_of(checkpoints=checkpoints)
    prompts = read_texts(texts, lines, settings, PROMPT)
    bodies = [body_of(GenerateRequest, settings, prompt=prompt, **options) for prompt in prompts]
    tokens = _state_tokens(settings)

    def show(body: GenerateRequest, reply: GenerateReply) -> None:
        for choice in reply.choices:
            typer.echo(f"{body.prompt}{choice.text}")

    def prepare(body: GenerateRequest, registry: Registry) -> Operation[GenerateReply]:
        return operations.generate(body, registry, tokens)

    answer_bodies("language", prepare, bodies, settings, show, json)


def next_words(texts: list[str] | None, lines: bool, json: bool, checkpoints: Path | None, **options: Any) -> None:
    settings = settings_of(checkpoints=checkpoints)
    several = read_texts(texts, lines, settings, PROMPT)
    bodies = [body_of(NextWordRequest, settings, text=text, **options) for text in several]
    tokens = _state_tokens(settings)

    def show(_: NextWordRequest, reply: NextWordReply) -> None:
        words = [(entry.word.strip() or repr(entry.word), entry.probability) for entry in reply.next]
        if len(bodies) > 1:
            typer.echo("  ".join(f"{word} {probability:.2%}" for word, probability in words))
            return
        if reply.end is not None:
            words.append(("(the end)", reply.end))
        for word, probability in [*words, ("(all else)", reply.other - (reply.end or 0.0))]:
            typer.echo(f"{probability:7.2%}  {word}")

    def prepare(body: NextWordRequest, registry: Registry) -> Operation[NextWordReply]:
        return operations.next_word_probs(body, registry, tokens)

    answer_bodies("language", prepare, bodies, settings, show, json)


def classify(texts: list[str] | None, lines: bool, json: bool, checkpoints: Path | None, **options: Any) -> None:
    settings = settings_of(checkpoints=checkpoints)
    bodies = _batches(ClassifyRequest, settings, read_texts(texts, lines, settings, TEXT), **options)

    def show(_: ClassifyRequest, reply: ClassifyReply) -> None:
        for result in reply.results:
            typer.echo(f"{result.label}  {result.score:.1%}")
            for part in result.explanation or ():
                typer.echo(f"  {part.contribution:+.3f}  {part.token}")

    answer_bodies("classifier", operations.classify, bodies, settings, show, json)


def translate(texts: list[str] | None, lines: bool, json: bool, checkpoints: Path | None, **options: Any) -> None:
    settings = settings_of(checkpoints=checkpoints)
    bodies = _batches(TranslateRequest, settings, read_texts(texts, lines, settings, SOURCE), **options)

    def show(_: TranslateRequest, reply: TranslateReply) -> None:
        for result in reply.results:
            typer.echo(result.text)
            if result.quality is not None and result.quality < LOW:
                typer.echo(f"(low quality: {result.quality:.2f}; do not rely on this translation)", err=True)

    answer_bodies("translator", operations.translate, bodies, settings, show, json)


def transcribe(files: Sequence[Path], json: bool, checkpoints: Path | None, **options: Any) -> None:
    settings = settings_of(checkpoints=checkpoints)
    bodies = [body_of(TranscribeRequest, settings, file=read_file(path, settings), **options) for path in files]

    def show(_: TranscribeRequest, reply: TranscribeReply) -> None:
        typer.echo(reply.text)

    def prepare(body: TranscribeRequest, registry: Registry) -> Operation[TranscribeReply]:
        return operations.transcribe(body, registry, settings)

    answer_bodies("recognizer", prepare, bodies, settings, show, json)


def describe(files: Sequence[Path], json: bool, checkpoints: Path | None, **options: Any) -> None:
    settings = settings_of(checkpoints=checkpoints)
    bodies = [body_of(DescribeRequest, settings, image=read_file(path, settings), **options) for path in files]

    def show(_: DescribeRequest, reply: DescribeReply) -> None:
        typer.echo(reply.text)

    def prepare(body: DescribeRequest, registry: Registry) -> Operation[DescribeReply]:
        return operations.describe(body, read_picture(body.image, settings.max_image_pixels), registry)

    answer_bodies("captioner", prepare, bodies, settings, show, json)


def summarize(texts: list[str] | None, lines: bool, json: bool, checkpoints: Path | None, **options: Any) -> None:
    settings = settings_of(checkpoints=checkpoints)
    bodies = _batches(SummarizeRequest, settings, read_texts(texts, lines, settings, TEXT), **options)

    def show(_: SummarizeRequest, reply: SummarizeReply) -> None:
        for result in reply.results:
            typer.echo(result.summary)
            for word in result.words or ():
                where = f"{word.source.start}-{word.source.end}" if word.source else "-"
                typer.echo(f"  {word.copied:4.0%}  {where:>9}  {word.word}")

    answer_bodies("summarizer", operations.summarize, bodies, settings, show, json)


def body_of(schema: type[BodyT], settings: Settings, **options: Any) -> BodyT:
    """The request that the options of a command make. Raises pydantic's ValidationError."""
    return limited(schema, settings).model_validate(passed(**options))


def _batches(schema: type[BodyT], settings: Settings, texts: Sequence[str], **options: Any) -> list[BodyT]:
    """Requests of as many texts as one may have; a single text is no list, so that errors name no index."""
    if len(texts) == 1:
        return [body_of(schema, settings, text=texts[0], **options)]
    size = settings.max_texts
    batches = [list(texts[begin : begin + size]) for begin in range(0, len(texts), size)]
    return [body_of(schema, settings, text=batch, **options) for batch in batches]


def _state_tokens(settings: Settings) -> StateTokens:
    return StateTokens(make_sealer(settings), key="")


def answer_bodies(
    task: str,
    prepare: Callable[[Any, Registry], Operation[Any]],
    bodies: Sequence[BaseModel],
    settings: Settings,
    show: Callable[[Any, Any], None],
    json: bool,
    keep: Callable[[Any], None] | None = None,
) -> None:
    """Load the models of a task, run an operation for each body, and print its reply.

    keep gets each reply, however it is printed.
    """
    registry = load_registry(settings, task)
    operations_ = [prepare(body, registry) for body in bodies]
    engine = make_engine(registry, settings)
    engine.start()
    try:
        for body, operation in zip(bodies, operations_, strict=True):
            reply = asyncio.run(run(operation, LocalClient(), engine))
            if keep is not None:
                keep(reply)
            if json:
                typer.echo(reply.model_dump_json(indent=2 if len(bodies) == 1 else None, exclude_unset=True))
            else:
                show(body, reply)
    finally:
        engine.stop(settings.shutdown_timeout_s)
