"""The web service: HTTP outside, the engine inside."""
