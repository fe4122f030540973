"""Which models are served, and which of them a request means."""
