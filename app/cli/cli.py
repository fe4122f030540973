"""The `carousel` command: the service, and its answers from the shell."""

import sys

import typer
from pydantic import ValidationError
from rich.console import Console

from app.cli import answers, bench, keys, serve
from app.errors import InvalidRequest, NoModel, ServiceError
from models.errors import ModelError

app = typer.Typer(
    help="Serve recurrent models, or use them from the shell.", no_args_is_help=True, add_completion=False
)
app.command()(serve.serve)
app.command()(answers.generate)
app.command(name="next")(answers.next_)
app.command()(answers.classify)
app.command()(answers.translate)
app.command()(answers.models)
app.command(name="state-key")(serve.state_key)
app.command(**bench.PASS_ON)(bench.bench)
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Run the command; an error is one line, with status 2."""
    try:
        app()
    except InvalidRequest as error:
        _fail(": ".join(filter(None, [error.field, error.detail])))
    except NoModel as error:
        _fail(f"{error.field}: {error.detail}" if "/" in error.field else error.detail)  # of several texts, which one
    except (ModelError, ServiceError) as error:
        _fail(str(error))
    except ValidationError as error:
        first = error.errors()[0]
        _fail(": ".join([*(str(part) for part in first["loc"][:1]), first["msg"].removeprefix("Value error, ")]))


def _fail(message: str) -> None:
    Console(stderr=True).print(f"error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(2)
