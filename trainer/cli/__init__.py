"""The `carousel-train` command."""

import os
import sys
from collections.abc import Sequence
from itertools import pairwise

from trainer.loop.allocator import set_up_process

EXTRA = {"matplotlib", "sacrebleu", "scipy", "sklearn"}
"""What the extra `train` brings; serving does without."""


def main() -> None:
    """Run the command; where the extra `train` is not installed, say how to install it, with status 2."""
    set_up_process()  # it restarts the process: before anything is imported that takes seconds
    _announce(sys.argv[1:])
    try:
        from trainer.cli.command import main as run  # noqa: PLC0415 (it may be missing)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in EXTRA:
            raise
        sys.stderr.write(f"error: training needs {error.name}: make trainer, or pip install -e '.[train]'\n")
        sys.exit(2)
    run()


def _announce(arguments: Sequence[str]) -> None:
    """Say what is read, before PyTorch is imported: that takes seconds, and reading may take minutes."""
    names = _values(arguments, "--train") or _values(arguments, "--data")
    if "--help" in arguments or int(os.environ.get("RANK", "0")) or not names:
        return
    sys.stderr.write(f"reading {', '.join(names)} …\n")
    sys.stderr.flush()


def _values(arguments: Sequence[str], option: str) -> list[str]:
    following = [value for name, value in pairwise(arguments) if name == option]
    return [*following, *(value.partition("=")[2] for value in arguments if value.startswith(f"{option}="))]


__all__ = ["main"]
