"""The `carousel` command: the service, and its four answers straight from the shell."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from cryptography.fernet import Fernet
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.table import Table

from app.cli import bench, keys
from app.errors import InvalidRequest, ServiceError
from app.http import server
from app.http.dependencies import LocalClient, Memories, load_registry, make_engine, make_sealer
from app.http.routes.classify import classify as answer_classify
from app.http.routes.generate import generate as answer_generate
from app.http.routes.models import list_models
from app.http.routes.next_word_probs import next_word_probs as answer_next
from app.http.routes.translate import translate as answer_translate
from app.http.schemas.base import Request
from app.http.schemas.classify import ClassifyReply, ClassifyRequest
from app.http.schemas.generate import GenerateReply, GenerateRequest
from app.http.schemas.limits import limited
from app.http.schemas.next_word_probs import NextWordReply, NextWordRequest
from app.http.schemas.translate import TranslateReply, TranslateRequest
from app.main import create_app
from app.settings import Settings, check_public, load_settings
from app.telemetry.logs import configure_logging
from models.decoding.beam_search import DEFAULT_BEAM_SIZE
from models.errors import ModelError

ReplyT = TypeVar("ReplyT", bound=BaseModel)
app = typer.Typer(help="Text from recurrent models, served or asked here.", no_args_is_help=True, add_completion=False)
app.add_typer(keys.app, name="keys")
app.command(**bench.PASS_ON)(bench.bench)

TextArgument = Annotated[
    list[str] | None, typer.Argument(help="The text; left out: standard input.", show_default=False)
]
Model = Annotated[str | None, typer.Option(help="A model's name; left out: one for the text's language.")]
Json = Annotated[bool, typer.Option("--json", help="Print the whole answer as JSON.")]
Checkpoints = Annotated[Path | None, typer.Option(help="Folder of checkpoints (CAROUSEL_CHECKPOINTS).")]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (CAROUSEL_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (CAROUSEL_PORT).")] = None,
    checkpoints: Checkpoints = None,
) -> None:
    """Serve all models over HTTP."""
    settings = _settings(host=host, port=port, checkpoints=checkpoints)
    check_public(settings)
    registry = load_registry(settings)  # here, so that a damaged checkpoint is one line rather than a traceback
    configure_logging()
    application = create_app(settings, registry)
    if not server.run(application, settings, lambda url: typer.echo(f"Carousel is ready: open {url}", err=True)):
        raise typer.Exit(1)


@app.command()
def generate(
    prompt: TextArgument = None,
    max_new_tokens: Annotated[int, typer.Option(help="Most tokens to generate.")] = 64,
    temperature: Annotated[float, typer.Option(help="0: always the likeliest.")] = 0.8,
    top_k: Annotated[int | None, typer.Option(help="Choose among the k likeliest.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Choose among those that hold so much probability.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same text.")] = None,
    n: Annotated[int, typer.Option(help="How many texts.")] = 1,
    model: Model = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """Go on with a prompt."""
    fields = _given(prompt=_text(prompt), max_new_tokens=max_new_tokens, temperature=temperature, top_k=top_k,
                    top_p=top_p, seed=seed, n=n, model=model)  # fmt: skip

    def show(reply: GenerateReply) -> None:
        for choice in reply.choices:
            typer.echo(f"{fields['prompt']}{choice.text}")

    _ask("language", answer_generate, GenerateRequest, fields, checkpoints, show, json)


@app.command(name="next")
def next_(
    text: TextArgument = None,
    top: Annotated[int, typer.Option(help="How many words.")] = 10,
    unit: Annotated[str, typer.Option(help="word or token.")] = "word",
    partial: Annotated[bool, typer.Option("--partial", help="The last letters begin the word to predict.")] = False,
    model: Model = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """List the likeliest next words."""
    fields = _given(text=_text(text), top=top, unit=unit, partial=partial, model=model)

    def show(reply: NextWordReply) -> None:
        for entry in reply.next:
            typer.echo(f"{entry.probability:7.2%}  {entry.word.strip() or repr(entry.word)}")
        typer.echo(f"{reply.other:7.2%}  (all else)")

    _ask("language", answer_next, NextWordRequest, fields, checkpoints, show, json)


@app.command()
def classify(
    text: TextArgument = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each token adds.")] = False,
    lines: Annotated[bool, typer.Option("--lines", help="Every line is a text of its own.")] = False,
    model: Model = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """Judge a text."""
    fields = _given(text=_texts(text, lines), explain=explain, model=model)

    def show(reply: ClassifyReply) -> None:
        for result in reply.results:
            typer.echo(f"{result.label}  {result.score:.1%}")
            for part in result.explanation or ():
                typer.echo(f"  {part.contribution:+.3f}  {part.token}")

    _ask("classifier", answer_classify, ClassifyRequest, fields, checkpoints, show, json)


@app.command()
def translate(
    text: TextArgument = None,
    target: Annotated[
        str | None, typer.Option("--to", help="The language wanted, such as tr; left out: the other one.")
    ] = None,
    source: Annotated[str, typer.Option("--from", help="The text's language, or auto.")] = "auto",
    beam_size: Annotated[int, typer.Option(help="1 is greedy.")] = DEFAULT_BEAM_SIZE,
    lines: Annotated[bool, typer.Option("--lines", help="Every line is a text of its own.")] = False,
    model: Model = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """Translate a text."""
    fields = _given(text=_texts(text, lines), source=source, target=target, beam_size=beam_size, model=model)

    def show(reply: TranslateReply) -> None:
        for result in reply.results:
            typer.echo(result.text)

    _ask("translator", answer_translate, TranslateRequest, fields, checkpoints, show, json)


@app.command()
def models(json: Json = False, checkpoints: Checkpoints = None) -> None:
    """List the models."""
    reply = asyncio.run(list_models(load_registry(_settings(checkpoints=checkpoints)), LocalClient()))
    if json:
        typer.echo(reply.model_dump_json(indent=2, exclude_unset=True))
        return
    table = Table("name", "kind", "languages", "parameters", "size")
    for model in reply.models:
        size = f"{model.size_bytes / 1e6:.1f} MB"
        table.add_row(model.name, model.kind, ", ".join(model.languages), f"{model.parameters:,}", size)
    Console().print(table)


@app.command(name="state-key")
def state_key() -> None:
    """Make a key for CAROUSEL_STATE_KEY, which seals the model's memory for clients to keep."""
    typer.echo(Fernet.generate_key().decode())


def main() -> None:
    """Run the command; a refusal ends it with one line and status 2."""
    try:
        app()
    except InvalidRequest as error:
        _fail(": ".join(filter(None, [error.field, error.detail])))
    except (ModelError, ServiceError) as error:
        _fail(str(error))
    except ValidationError as error:
        first = error.errors()[0]
        _fail(": ".join([*(str(part) for part in first["loc"][:1]), first["msg"].removeprefix("Value error, ")]))


def _fail(message: str) -> None:
    Console(stderr=True).print(f"error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(2)


def _ask(
    kind: str,
    answer: Callable[..., Awaitable[Any]],
    schema: type[Request],
    fields: dict[str, Any],
    checkpoints: Path | None,
    show: Callable[[ReplyT], None],
    json: bool,
) -> None:
    """Ask as a client of the service would, with an engine of one's own."""
    settings = _settings(checkpoints=checkpoints)
    body = limited(schema, settings).model_validate(fields)
    engine = make_engine(load_registry(settings, kind), settings)
    engine.start()
    client = LocalClient()
    known = {"settings": settings, "memories": Memories(make_sealer(settings), client)}
    given = {name: value for name, value in known.items() if name in signature(answer).parameters}

    async def ask() -> ReplyT:
        reply: ReplyT = await answer(body, engine, client, **given)
        return reply

    try:
        reply = asyncio.run(ask())
    finally:
        engine.stop(settings.shutdown_timeout_s)
    if json:
        typer.echo(reply.model_dump_json(indent=2, exclude_unset=True))
    else:
        show(reply)


def _settings(**given: object) -> Settings:
    return load_settings(**_given(**given))


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _text(words: list[str] | None) -> str:
    return " ".join(words) if words else sys.stdin.read().removesuffix("\n")


def _texts(words: list[str] | None, lines: bool) -> str | list[str]:
    text = _text(words)
    return [line for line in text.splitlines() if line.strip()] if lines else text
