"""Routes that implement other services' APIs, for their clients."""
