"""`carousel bench`, which needs a checkout of the project and its extra `bench`."""

from typing import Any

import typer

from app.errors import ServiceError

PASS_ON: dict[str, Any] = {
    "add_help_option": False,
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True},
}
"""Arguments of the command: its options are those of `benchmarks/command.py`."""


def bench(context: typer.Context) -> None:
    """Measure the service beside other ways to serve the same models (benchmarks/README.md)."""
    try:
        from benchmarks import command  # noqa: PLC0415 (not part of an installed service)
    except ModuleNotFoundError as error:
        if error.name != "benchmarks":
            raise
        raise ServiceError(
            "the benchmarks are not installed: run this in a checkout, after pip install -e '.[bench]'"
        ) from None
    command.app(context.args, prog_name=context.command_path, standalone_mode=False)
