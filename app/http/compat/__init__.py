"""Routes that speak other services' APIs, for their clients."""
