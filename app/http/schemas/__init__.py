"""Schemas of requests and replies, one file for each family. limits.py puts the settings' limits into them."""
