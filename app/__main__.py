"""`python -m app` is `carousel`."""

from app.cli.cli import main

if __name__ == "__main__":
    main()
