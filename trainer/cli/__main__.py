"""`python -m trainer.cli` is `carousel-train`."""

from trainer.cli import main

main()
