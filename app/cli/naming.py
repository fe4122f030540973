"""Commands whose errors name options."""

from typing import Any

import typer
from typer.core import TyperCommand

from app.cli.failures import Failed, message_of

NEEDED: dict[str, tuple[tuple[str, ...], str]] = {
    "scale": (("out", "json"), "--scale has an effect with --out or --json only"),
    "actors": (("ray", "ray_address"), "--actors has an effect with --ray or --ray-address only"),
}
"""By the name of an option, those of which one must be there for it to have an effect, and the error without them."""
TEXTS = ("texts", "prompts")


class NamingCommand(TyperCommand):
    """A command whose options are fields of a request: an error of a field names the option, as a person types it."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override] # Typer's own, under another name
        _check_effect(ctx)
        try:
            return super().invoke(ctx)
        except Exception as error:
            options = {
                str(parameter.name): max(parameter.opts, key=len)
                for parameter in self.params
                if parameter.param_type_name == "option"
            }
            message = message_of(error, options)
            if message is None:
                raise
            raise Failed(message) from error


def _check_effect(context: typer.Context) -> None:
    """Raise Failed for an option that the others leave without effect."""
    chosen = {
        name
        for name in context.params
        if getattr(context.get_parameter_source(name), "name", "") in ("COMMANDLINE", "ENVIRONMENT")
    }
    if "lines" in chosen and chosen & {*TEXTS}:
        raise Failed("--lines and --whole are for standard input; each argument is a text")
    for option, (others, message) in NEEDED.items():
        if option in chosen and not chosen & {*others}:
            raise Failed(message)
