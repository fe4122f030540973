"""Scores, each under the protocol that docs/quality.md names, with confidence intervals."""
