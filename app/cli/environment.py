"""The settings of a command, and its log."""

import sys

import typer

from app.cli.options import passed
from app.settings import Settings, load_settings, unknown_variables
from app.telemetry.logs import configure_logging, get_logger

log = get_logger(__name__)


def settings_of(**options: object) -> Settings:
    """The settings of the environment, under the options that were passed; its warnings go to standard error."""
    settings = load_settings(**passed(**options))
    configure_logging(for_people=True, warnings_only=True)
    for name, nearest in unknown_variables().items():
        typer.echo(f"warning: {name}: no such setting{f'; did you mean {nearest}?' if nearest else ''}", err=True)
    return settings


def serving_settings(**options: object) -> Settings:
    """As `settings_of` for a server, which logs: for people on a terminal, else as JSON."""
    settings = load_settings(**passed(**options))
    configure_logging(for_people=sys.stderr.isatty())
    for name, nearest in unknown_variables().items():
        log.warning("unknown_setting", variable=name, nearest=nearest or None)
    return settings
