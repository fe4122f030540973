"""Experiments: gradients over time, synthetic tasks with long dependencies, the ladder of models."""
