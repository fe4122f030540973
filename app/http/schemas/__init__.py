"""Shapes of requests and replies, one file a family. They carry the limits; routes hold no rules."""
