"""The `carousel-train` command."""

from trainer.cli.command import main

__all__ = ["main"]
