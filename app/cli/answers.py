"""The commands that answer from the shell, with an engine of their own: generate, next, classify, translate, models."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from app.access.state_tokens import StateTokens
from app.catalog.registry import Registry
from app.cli.options import (
    Checkpoints,
    Json,
    Language,
    Lines,
    Model,
    TextArgument,
    passed,
    read_text,
    read_texts,
    settings_of,
)
from app.factories import load_registry, make_engine, make_sealer
from app.http import operations
from app.http.clients import LocalClient
from app.http.operations.operation import Operation, ReplyT, run
from app.http.schemas.base import Request
from app.http.schemas.classify import ClassifyReply, ClassifyRequest
from app.http.schemas.generate import GenerateReply, GenerateRequest
from app.http.schemas.limits import limited
from app.http.schemas.next_word_probs import NextWordReply, NextWordRequest
from app.http.schemas.translate import TranslateReply, TranslateRequest
from app.settings import Settings
from models.decoding.beam_search import DEFAULT_BEAM_SIZE
from models.quality import LOW

BodyT = TypeVar("BodyT", bound=Request)


def generate(
    prompt: TextArgument = None,
    max_new_tokens: Annotated[int, typer.Option(help="Maximum number of tokens to generate.")] = 64,
    temperature: Annotated[float, typer.Option(help="0: always the likeliest token.")] = 0.8,
    top_k: Annotated[int | None, typer.Option(help="Sample from the k likeliest tokens.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Sample from the likeliest tokens that sum to p.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same text.")] = None,
    n: Annotated[int, typer.Option(help="Number of texts.")] = 1,
    model: Model = None,
    language: Language = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """Continue a prompt."""
    settings, text = settings_of(checkpoints=checkpoints), read_text(prompt)
    body = _body(GenerateRequest, settings, prompt=text, max_new_tokens=max_new_tokens, temperature=temperature,
                 top_k=top_k, top_p=top_p, seed=seed, n=n, model=model, language=language)  # fmt: skip
    tokens = _state_tokens(settings)

    def show(reply: GenerateReply) -> None:
        for choice in reply.choices:
            typer.echo(f"{text}{choice.text}")

    _answer("language", lambda registry: operations.generate(body, registry, tokens), settings, show, json)


def next_(
    text: TextArgument = None,
    top: Annotated[int, typer.Option(help="Number of words.")] = 10,
    unit: Annotated[str, typer.Option(help="word or token.")] = "word",
    partial: Annotated[bool, typer.Option("--partial", help="The last letters start the word to predict.")] = False,
    model: Model = None,
    language: Language = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """List the likeliest next words."""
    settings = settings_of(checkpoints=checkpoints)
    body = _body(NextWordRequest, settings, text=read_text(text), top=top, unit=unit, partial=partial,
                 model=model, language=language)  # fmt: skip
    tokens = _state_tokens(settings)

    def show(reply: NextWordReply) -> None:
        for entry in reply.next:
            typer.echo(f"{entry.probability:7.2%}  {entry.word.strip() or repr(entry.word)}")
        typer.echo(f"{reply.other:7.2%}  (all else)")

    _answer("language", lambda registry: operations.next_word_probs(body, registry, tokens), settings, show, json)


def classify(
    text: TextArgument = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show the contribution of each token.")] = False,
    lines: Lines = False,
    model: Model = None,
    language: Language = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """Classify a text."""
    settings = settings_of(checkpoints=checkpoints)
    body = _body(ClassifyRequest, settings, text=read_texts(text, lines), explain=explain, model=model,
                 language=language)  # fmt: skip

    def show(reply: ClassifyReply) -> None:
        for result in reply.results:
            typer.echo(f"{result.label}  {result.score:.1%}")
            for part in result.explanation or ():
                typer.echo(f"  {part.contribution:+.3f}  {part.token}")

    _answer("classifier", lambda registry: operations.classify(body, registry), settings, show, json)


def translate(
    text: TextArgument = None,
    target: Annotated[
        str | None, typer.Option("--to", help="The target language, such as tr; left out: the other one.")
    ] = None,
    source: Annotated[str, typer.Option("--from", help="The text's language, or auto.")] = "auto",
    beam_size: Annotated[int, typer.Option(help="1 is greedy.")] = DEFAULT_BEAM_SIZE,
    lines: Lines = False,
    model: Model = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """Translate a text."""
    settings = settings_of(checkpoints=checkpoints)
    body = _body(TranslateRequest, settings, text=read_texts(text, lines), source=source, target=target,
                 beam_size=beam_size, model=model)  # fmt: skip

    def show(reply: TranslateReply) -> None:
        for result in reply.results:
            typer.echo(result.text)
            if result.quality is not None and result.quality < LOW:
                typer.echo(f"(low quality: {result.quality:.2f}; do not rely on this translation)", err=True)

    _answer("translator", lambda registry: operations.translate(body, registry), settings, show, json)


def models(json: Json = False, checkpoints: Checkpoints = None) -> None:
    """List the models."""
    reply = operations.list_models(load_registry(settings_of(checkpoints=checkpoints)))
    if json:
        typer.echo(reply.model_dump_json(indent=2, exclude_unset=True))
        return
    table = Table("name", "kind", "languages", "parameters", "size")
    for model in reply.models:
        size = f"{model.size_bytes / 1e6:.1f} MB"
        table.add_row(model.name, model.kind, ", ".join(model.languages), f"{model.parameters:,}", size)
    Console().print(table)


def _body(schema: type[BodyT], settings: Settings, **options: Any) -> BodyT:
    """The request that the options of a command make. Raises pydantic's ValidationError."""
    return limited(schema, settings).model_validate(passed(**options))


def _state_tokens(settings: Settings) -> StateTokens:
    return StateTokens(make_sealer(settings), key="")


def _answer(
    task: str,
    prepare: Callable[[Registry], Operation[ReplyT]],
    settings: Settings,
    show: Callable[[ReplyT], None],
    json: bool,
) -> None:
    """Load the models of a task, run one operation on them, and print its reply."""
    registry = load_registry(settings, task)
    operation = prepare(registry)
    engine = make_engine(registry, settings)
    engine.start()
    try:
        reply = asyncio.run(run(operation, LocalClient(), engine))
    finally:
        engine.stop(settings.shutdown_timeout_s)
    if json:
        typer.echo(reply.model_dump_json(indent=2, exclude_unset=True))
    else:
        show(reply)
