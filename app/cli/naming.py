"""Commands whose errors name options."""

from typing import Any

import typer
from typer.core import TyperCommand

from app.cli.failures import Failed, message_of


class NamingCommand(TyperCommand):
    """A command whose options are fields of a request: an error of a field names the option, as a person types it."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override] # Typer's own, under another name
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
