"""Scores, each under the protocol that docs/measurements.md names, with confidence intervals."""
