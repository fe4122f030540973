"""The `carousel-train` command."""

import sys

EXTRA = {"matplotlib", "sacrebleu", "scipy", "sklearn"}
"""What the extra `train` brings; serving does without."""


def main() -> None:
    """Run the command; where the extra `train` is not installed, say how to install it, with status 2."""
    try:
        from trainer.cli.command import main as run  # noqa: PLC0415 (it may be missing)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in EXTRA:
            raise
        sys.stderr.write(f"error: training needs {error.name}: make trainer, or pip install -e '.[train]'\n")
        sys.exit(2)
    run()


__all__ = ["main"]
