"""Experiments of the lecture: gradients over time, long dependencies, the ladder of models."""
