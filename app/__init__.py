"""The web service: HTTP outside, the engine inside."""

__version__ = "0.2.0"
"""The project's; pyproject.toml reads it here."""
