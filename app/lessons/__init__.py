"""Lessons: half a minute of training on a client's own text, in a process of its own."""
