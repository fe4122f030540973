"""API keys, limits on clients, and state tokens."""
